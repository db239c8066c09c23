#include "engine/graph/copies.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "engine/graph/known_lists.h"
#include "engine/search/index_scan.h"
#include "test_index.h"

namespace vseg {
namespace {

class QuietMonitor : public BuildMonitor {
 public:
  void inserted(uint32_t rows) override { last = rows; }
  bool cancelled() override { return false; }
  uint32_t last = 0;
};

RowStore store_of(const Rows& rows, Metric metric = Metric::kL2) {
  RowStore store(metric, rows.dimensions);
  for (uint32_t i = 0; i < rows.count(); i++) {
    store.append(rows.row(i));
  }
  return store;
}

Copies copies_of(const RowStore& store) {
  QuietMonitor monitor;
  return {store, monitor};
}

TEST(Copies, OfDifferentRowsAreNone) {
  const Copies copies = copies_of(store_of(random_rows(500, 7, 1)));
  EXPECT_TRUE(copies.none());
  EXPECT_EQ(copies.count(), 0U);
  EXPECT_FALSE(copies.is_copy(3));
  EXPECT_EQ(copies.original(3), 3U);
}

TEST(Copies, HaveTheFirstEqualRowAsTheirOriginal) {
  Rows rows = random_rows(300, 5, 1);
  for (uint32_t i = 100; i < 300; i++) {
    std::copy_n(rows.row(i % 40), 5, rows.floats.begin() + i * 5);
  }
  for (bool narrowed : {false, true}) {
    RowStore store = store_of(rows, Metric::kInnerProduct);
    if (narrowed) {
      store.narrow();
    }
    const Copies copies = copies_of(store);
    EXPECT_EQ(copies.count(), 200U);
    for (uint32_t i = 0; i < 300; i++) {
      EXPECT_EQ(copies.original(i), i < 100 ? i : i % 40);
    }
  }
}

TEST(Copies, AreRowsThatDifferInTheSignOfZero) {
  const Copies copies = copies_of(store_of({3, {1, 0, 2, 1, -0.0F, 2, 1, 1, 2}}));
  EXPECT_EQ(copies.original(1), 0U);
  EXPECT_EQ(copies.original(2), 2U);
}

TEST(Copies, AreRowsThatRoundToTheSameBytes) {
  RowStore store = store_of(
      {2, {0, 0, 255, 255, 100, 7, 100.2F, 6.9F, 101, 7, 103, 7, 105, 7, 107, 7, 109, 7, 111, 7}});
  EXPECT_TRUE(copies_of(store).none());
  store.narrow();
  const Copies copies = copies_of(store);
  EXPECT_EQ(copies.original(3), 2U);
  EXPECT_EQ(copies.count(), 1U);
}

// Rows 0, 2, 4 of 6 are equal.
TEST(Copies, ShareTheListOfTheirOriginal) {
  const Copies copies = copies_of(store_of({1, {5, 1, 5, 2, 5, 3}}));
  Graph graph;
  graph.rows = 6;
  graph.degree = 8;
  graph.neighbors.assign(48, kNoOrdinal);
  auto link = [&](Ordinal row, const std::vector<Ordinal>& to) {
    std::copy(to.begin(), to.end(), graph.list(row));
  };
  link(0, {1, 3, 5});
  link(1, {0, 3});
  link(3, {0});
  link(5, {3, 0});
  copies.share_lists(&graph);
  for (Ordinal row : {0U, 2U, 4U}) {
    const std::vector<Ordinal> list(graph.list(row), graph.list(row) + graph.list_size(row));
    EXPECT_EQ(std::vector<Ordinal>(list.begin(), list.begin() + 3),
              (std::vector<Ordinal>{1, 3, 5}));
    EXPECT_EQ(list.size(), 5U);
    EXPECT_EQ(std::count(list.begin(), list.end(), row), 0);
  }
  for (Ordinal row : {1U, 3U, 5U}) {
    const Ordinal* list = graph.list(row);
    EXPECT_EQ(std::count_if(list, list + graph.list_size(row),
                            [](Ordinal other) { return other % 2 == 0; }),
              1);
  }
}

TEST(Copies, AreRowsThatDifferByNoise) {
  for (Metric metric : {Metric::kL2, Metric::kInnerProduct, Metric::kL1}) {
    Rows rows = random_rows(400, 32, 1);
    const Rows noise = random_rows(400, 32, 2);
    for (uint32_t i = 250; i < 400; i++) {
      for (uint32_t d = 0; d < 32; d++) {
        rows.floats[i * 32 + d] = rows.row(i % 3)[d] + 1e-3F * noise.row(i)[d];
      }
    }
    const Copies copies = copies_of(store_of(rows, metric));
    EXPECT_EQ(copies.near().count(), 3U);
    EXPECT_EQ(copies.count(), 150U);
    for (uint32_t i = 250; i < 400; i++) {
      EXPECT_EQ(copies.original(i), copies.original(i % 3));
    }
    for (uint32_t i = 3; i < 250; i++) {
      EXPECT_EQ(copies.original(i), i);
    }
  }
}

// What is searched: rows at random or in topics, some of them copies of a few.
struct Heaps {
  const char* name;
  Metric metric;
  uint32_t dimensions;
  uint32_t heaps;
  uint32_t percent;  // of the rows that are in heaps
  enum { kOfRows, kInTheMiddle, kZero } at = kOfRows;
  float noise = 0;  // of copies, as long as this
};

std::ostream& operator<<(std::ostream& out, const Heaps& heaps) { return out << heaps.name; }

constexpr uint32_t kRows = 1500;
constexpr uint32_t kAsked = 250;

class EqualVectors : public testing::TestWithParam<Heaps> {
 protected:
  EqualVectors()
      : dimensions_(GetParam().dimensions),
        others_(make_rows(kRows, 1)),
        queries_(make_rows(200, 2)),
        all_{dimensions_, {}} {
    const uint32_t copies = kRows * GetParam().percent / (100 - GetParam().percent);
    std::vector<uint32_t> heap_of(kRows, kNone);
    for (uint32_t i = 0; i < copies; i++) {
      heap_of.push_back(i % GetParam().heaps);
    }
    std::shuffle(heap_of.begin(), heap_of.end(), random_);
    uint32_t other = 0;
    for (uint32_t heap : heap_of) {
      std::vector<float> row = heap == kNone ? vector_of(others_.row(other++)) : heap_vector(heap);
      if (heap != kNone && GetParam().noise > 0) {
        add_noise(&row);
      }
      all_.floats.insert(all_.floats.end(), row.begin(), row.end());
    }
  }

  static constexpr uint32_t kNone = ~0U;

  std::vector<float> vector_of(const float* row) const { return {row, row + dimensions_}; }

  void add_noise(std::vector<float>* row) {
    std::normal_distribution<float> normal(
        0, GetParam().noise / std::sqrt(static_cast<float>(dimensions_)));
    std::for_each(row->begin(), row->end(), [&](float& value) { value += normal(random_); });
  }

  bool unit_length() const {
    return GetParam().metric == Metric::kCosine || GetParam().at == Heaps::kZero;
  }

  // Uniform, or, where they have unit length, in topics.
  Rows make_rows(uint32_t count, uint32_t seed) const {
    Rows rows = random_rows(count, dimensions_, seed);
    if (!unit_length()) {
      for (float& value : rows.floats) {
        value = 0.5F * std::erfc(-value * std::sqrt(0.5F));
      }
      return rows;
    }
    const Rows topics = random_rows(20, dimensions_, 3);
    for (uint32_t i = 0; i < count; i++) {
      float* row = rows.floats.data() + size_t{i} * dimensions_;
      double square = 0;
      for (uint32_t d = 0; d < dimensions_; d++) {
        row[d] = topics.row(i % 20)[d] + 0.7F * row[d];
        square += double{row[d]} * row[d];
      }
      std::for_each(row, row + dimensions_,
                    [&](float& value) { value /= static_cast<float>(std::sqrt(square)); });
    }
    return rows;
  }

  std::vector<float> heap_vector(uint32_t heap) const {
    switch (GetParam().at) {
      case Heaps::kZero:
        return std::vector<float>(dimensions_, 0);
      case Heaps::kInTheMiddle:
        return std::vector<float>(dimensions_, 0.5F + 0.01F * static_cast<float>(heap % 7));
      default:
        return vector_of(others_.row(heap * 7 % kRows));
    }
  }

  Graph build(const Rows& rows, const KnownLists* known = nullptr) const {
    const uint32_t degree = layer0_degree(GraphOptions().m);
    const SegmentHeader header = plan_segment(
        {1, dimensions_, GetParam().metric, 16, 100, rows.count(), degree, OwnVector::kChosen});
    const RowStore store = has_edge_codes(GetParam().metric) ? rotate(rows, header)
                                                             : store_of(rows, GetParam().metric);
    QuietMonitor monitor;
    Graph graph = build_graph(store, {}, monitor, known);
    EXPECT_EQ(monitor.last, rows.count());
    return graph;
  }

  // The rows in two segments, a fifth of the first's dead, and merged.
  Graph merge(Rows* live) const {
    KnownLists known(layer0_degree(GraphOptions().m));
    const uint32_t cut = all_.count() * 2 / 3;
    for (const auto& [begin, end] : {std::pair(0U, cut), std::pair(cut, all_.count())}) {
      const Rows part{dimensions_,
                      {all_.row(begin), all_.row(begin) + size_t{end - begin} * dimensions_}};
      const Graph graph = build(part);
      for (Ordinal row = 0; row < graph.rows; row++) {
        const bool alive = begin > 0 || row % 5 != 0;
        known.add({graph.list(row), graph.list(row) + graph.list_size(row)}, alive);
        if (alive) {
          live->floats.insert(live->floats.end(), part.row(row), part.row(row) + dimensions_);
        }
      }
      known.end_graph(0);
    }
    Graph graph = build(*live, &known);
    EXPECT_EQ(graph.merges, 1U);
    return graph;
  }

  std::vector<uint32_t> nearest(TestIndex* index, const float* query, size_t limit,
                                IterativeScan order = IterativeScan::kStrictOrder) const {
    ScanOptions options{40, order};
    options.segments = SegmentSearchMode::kGraph;
    IndexScan scan(index->pages, index->metapage(), Query(GetParam().metric, query, dimensions_),
                   options);
    std::vector<uint32_t> found;
    Hit hit;
    while (found.size() < limit && scan.next(&hit)) {
      found.push_back(number_of(hit.tid));
    }
    return found;
  }

  // Each row that is asked for, or one equal to it, comes first.
  void expect_rows_find_themselves(TestIndex* index, const Rows& rows) const {
    uint32_t lost = 0;
    for (uint32_t i = 0; i < kAsked; i++) {
      const float* row = rows.row(i * (rows.count() / kAsked));
      const std::vector<uint32_t> found = nearest(index, row, 1);
      lost += found.empty() || !std::equal(row, row + dimensions_, rows.row(found[0]));
    }
    EXPECT_LE(lost, kAsked / 1000);
  }

  // Who asks for one row more than a heap has gets all of it.
  void expect_whole_heaps(TestIndex* index, const Rows& rows) const {
    if (GetParam().noise > 0) {
      return;
    }
    for (uint32_t heap = 0; heap < std::min(GetParam().heaps, 5U); heap++) {
      const std::vector<float> vector = heap_vector(heap);
      auto equal = [&](uint32_t row) {
        return std::equal(vector.begin(), vector.end(), rows.row(row));
      };
      std::vector<uint32_t> all(rows.count());
      std::iota(all.begin(), all.end(), 0);
      const auto size = std::count_if(all.begin(), all.end(), equal);
      const std::vector<uint32_t> found = nearest(index, vector.data(), size + 1);
      EXPECT_EQ(std::count_if(found.begin(), found.end(), equal), size);
    }
  }

  // The share of the ten nearest rows that a search finds. Equal rows stand for one another, and so
  // do nearly equal ones, whose squared distances differ by little.
  double recall(TestIndex* index, const Rows& rows) const {
    uint32_t right = 0;
    for (uint32_t i = 0; i < queries_.count(); i++) {
      const Query query(GetParam().metric, queries_.row(i), dimensions_);
      std::vector<float> exact;
      for (uint32_t row = 0; row < rows.count(); row++) {
        exact.push_back(query.distance(rows.row(row)));
      }
      const std::vector<float> distances(exact);
      std::nth_element(exact.begin(), exact.begin() + 9, exact.end());
      const float limit = exact[9] + 4 * GetParam().noise * std::sqrt(std::fabs(exact[9]));
      for (uint32_t number : nearest(index, queries_.row(i), 10)) {
        right += distances[number] <= limit;
      }
    }
    return right / (10.0 * queries_.count());
  }

  uint32_t dimensions_;
  Rows others_;
  Rows queries_;
  Rows all_;
  std::mt19937 random_{5};
};

INSTANTIATE_TEST_SUITE_P(
    All, EqualVectors,
    testing::Values(Heaps{"OneInTheMiddle", Metric::kL2, 32, 1, 5, Heaps::kInTheMiddle},
                    Heaps{"HalfInTheMiddle", Metric::kL2, 32, 1, 50, Heaps::kInTheMiddle},
                    Heaps{"SevenInTheMiddle", Metric::kL2, 32, 7, 30, Heaps::kInTheMiddle},
                    Heaps{"InTheMiddleL1", Metric::kL1, 32, 1, 5, Heaps::kInTheMiddle},
                    Heaps{"ZeroAmongUnitVectors", Metric::kL2, 384, 1, 5, Heaps::kZero},
                    Heaps{"ThirtyCosine", Metric::kCosine, 384, 30, 20},
                    Heaps{"AThousandPairs", Metric::kL2, 32, 1000, 34},
                    Heaps{"AThousandL1", Metric::kL1, 32, 1000, 50},
                    Heaps{"OneNearlyEqual", Metric::kL2, 32, 1, 5, Heaps::kInTheMiddle, 1e-3F},
                    Heaps{"OneAlmostEqual", Metric::kL2, 32, 1, 5, Heaps::kInTheMiddle, 1e-5F},
                    Heaps{"HalfNearlyEqual", Metric::kL2, 32, 7, 50, Heaps::kOfRows, 1e-3F},
                    Heaps{"SevenNearlyEqual", Metric::kCosine, 384, 7, 20, Heaps::kOfRows, 1e-3F},
                    Heaps{"NearPairs", Metric::kL2, 32, 500, 25, Heaps::kOfRows, 1e-3F},
                    Heaps{"ThirtyInnerProduct", Metric::kInnerProduct, 32, 30, 50}),
    [](const auto& info) { return std::string(info.param.name); });

TEST_P(EqualVectors, DoNotHideOtherRowsFromABuild) {
  TestIndex index(GetParam().metric, dimensions_);
  index.add_segment(all_, build(all_));
  TestIndex without(GetParam().metric, dimensions_);
  without.add_segment(others_, build(others_));
  if (GetParam().metric != Metric::kInnerProduct) {
    expect_rows_find_themselves(&index, all_);
    expect_whole_heaps(&index, all_);
  }
  EXPECT_GE(recall(&index, all_), recall(&without, others_) - 0.005);
}

// In order or late, each exactly once.
TEST_P(EqualVectors, AreAllReturnedButTheDead) {
  TestIndex index(GetParam().metric, dimensions_);
  DirectoryEntry& entry = index.add_segment(all_, build(all_));
  std::vector<uint32_t> live(all_.count());
  std::iota(live.begin(), live.end(), 0);
  for (uint32_t one_in : {9U, 2U, 1U}) {  // of the live ones dies, before the next round
    for (const float* query : {all_.row(0), all_.row(7), queries_.row(0)}) {
      std::vector<uint32_t> found = nearest(&index, query, SIZE_MAX, IterativeScan::kRelaxedOrder);
      std::sort(found.begin(), found.end());
      EXPECT_EQ(found, live);
    }
    std::vector<uint32_t> left;
    for (size_t i = 0; i < live.size(); i++) {
      if (i % one_in == 0) {
        index.bury(entry, live[i]);
      } else {
        left.push_back(live[i]);
      }
    }
    live = left;
  }
}

TEST_P(EqualVectors, DoNotHideOtherRowsFromAMerge) {
  Rows live{dimensions_, {}};
  const Graph graph = merge(&live);
  TestIndex index(GetParam().metric, dimensions_);
  index.add_segment(live, graph);
  TestIndex anew(GetParam().metric, dimensions_);
  anew.add_segment(live, build(live));
  if (GetParam().metric != Metric::kInnerProduct) {
    expect_rows_find_themselves(&index, live);
    expect_whole_heaps(&index, live);
  }
  EXPECT_GE(recall(&index, live), recall(&anew, live) - 0.015);
}

}  // namespace
}  // namespace vseg
