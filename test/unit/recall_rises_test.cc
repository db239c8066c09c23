// Whatever the members of an index are, recall@k does not fall when ef_search rises, and every live
// row comes back once when a scan is asked for all.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <ostream>
#include <set>
#include <string>
#include <vector>

#include "engine/graph/graph_builder.h"
#include "engine/search/index_scan.h"
#include "test_index.h"

namespace vseg {
namespace {

struct Shape {
  uint32_t dimensions;
  std::vector<uint32_t> segments;  // their rows
  uint32_t tail;                   // rows
  uint32_t one_dead_of;            // rows; 0: none

  friend std::ostream& operator<<(std::ostream& out, const Shape& shape) {
    return out << shape.dimensions << " dimensions, " << shape.segments.size() << " segments, "
               << shape.tail << " in the tail, one dead of " << shape.one_dead_of;
  }
};

class Unwatched : public BuildMonitor {
 public:
  void inserted(uint32_t /*rows*/) override {}
  bool cancelled() override { return false; }
};

// Rows of clusters, as embeddings are, and queries near them.
Rows clustered_rows(uint32_t count, uint32_t dimensions, uint32_t seed) {
  constexpr uint32_t kClusters = 20;
  const Rows centers = random_rows(kClusters, dimensions, 1000);
  Rows rows = random_rows(count, dimensions, seed);
  for (uint32_t i = 0; i < count; i++) {
    for (uint32_t j = 0; j < dimensions; j++) {
      float& x = rows.floats[size_t{i} * dimensions + j];
      x = 0.7F * x + centers.row((i * 7 + seed) % kClusters)[j];
    }
  }
  return rows;
}

class RecallOfShape : public testing::TestWithParam<Shape> {
 protected:
  static constexpr uint32_t kQueries = 30;
  static constexpr uint32_t kMostRows = 200;

  RecallOfShape() {
    const Shape& shape = GetParam();
    uint32_t seed = 1;
    for (uint32_t rows : shape.segments) {
      add_segment(clustered_rows(rows, shape.dimensions, seed++));
    }
    if (shape.tail > 0) {
      const Rows rows = clustered_rows(shape.tail, shape.dimensions, seed);
      index_.add_append_chain(rows, all_.count());
      append(rows);
    }
  }

  void add_segment(const Rows& rows) {
    RowStore store(Metric::kL2, rows.dimensions);
    for (uint32_t i = 0; i < rows.count(); i++) {
      store.append(rows.row(i));
    }
    Unwatched monitor;
    const uint32_t first = all_.count();
    DirectoryEntry& entry =
        index_.add_segment(rows, build_graph(store, GraphOptions{}, monitor), first);
    append(rows);
    const uint32_t one_of = GetParam().one_dead_of;
    for (uint32_t i = 0; one_of > 0 && i < rows.count(); i += one_of) {
      index_.bury(entry, i);
      dead_.insert(first + i);
    }
  }

  void append(const Rows& rows) {
    all_.floats.insert(all_.floats.end(), rows.floats.begin(), rows.floats.end());
  }

  Query query(uint32_t number) const {
    return Query(Metric::kL2, queries_.row(number), queries_.dimensions);
  }

  // Of all live rows, ascending.
  std::vector<float> exact(const Query& query) const {
    std::vector<float> distances;
    for (uint32_t i = 0; i < all_.count(); i++) {
      if (dead_.count(i) == 0) {
        distances.push_back(query.distance(all_.row(i)));
      }
    }
    std::sort(distances.begin(), distances.end());
    return distances;
  }

  // Rows of the k nearest that a scan returns as its first k, summed over all queries.
  uint64_t right(uint32_t k, uint32_t ef, SegmentSearchMode mode) {
    uint64_t right = 0;
    for (uint32_t i = 0; i < kQueries; i++) {
      const Query q = query(i);
      IndexScan scan(index_.pages, index_.metapage(), q, {ef, IterativeScan::kStrictOrder, mode});
      Hit hit;
      for (uint32_t returned = 0; returned < k; returned++) {
        EXPECT_TRUE(scan.next(&hit));
        // Split vectors keep 24 bits of each coordinate.
        right += q.distance(all_.row(number_of(hit.tid))) <= exact_[i][k - 1] ? 1 : 0;
      }
    }
    return right;
  }

  TestIndex index_{Metric::kL2, GetParam().dimensions};
  Rows all_{GetParam().dimensions, {}};
  Rows queries_ = clustered_rows(kQueries, GetParam().dimensions, 77);
  std::set<uint32_t> dead_;
  std::vector<std::vector<float>> exact_;
};

TEST_P(RecallOfShape, DoesNotFallWhenEfRises) {
  // What chance may do to 30 searches that look at other rows.
  constexpr double kChance = 0.02;
  for (uint32_t i = 0; i < kQueries; i++) {
    exact_.push_back(exact(query(i)));
  }
  for (SegmentSearchMode mode : {SegmentSearchMode::kGraph, SegmentSearchMode::kAuto}) {
    for (uint32_t k : {1U, 5U, 10U, 20U, 35U, 60U, 100U, kMostRows}) {
      double best = 0;
      for (uint32_t ef : {10U, 14U, 20U, 30U, 40U, 60U, 80U, 120U, 200U}) {
        const double recall = static_cast<double>(right(k, ef, mode)) / (double{kQueries} * k);
        EXPECT_GE(recall, best - kChance) << "k " << k << ", ef_search " << ef;
        best = std::max(best, recall);
      }
    }
  }
}

TEST_P(RecallOfShape, EveryLiveRowComesBackOnce) {
  for (IterativeScan iterative : {IterativeScan::kStrictOrder, IterativeScan::kRelaxedOrder}) {
    for (SegmentSearchMode mode : {SegmentSearchMode::kGraph, SegmentSearchMode::kAuto}) {
      IndexScan scan(index_.pages, index_.metapage(), query(0), {40, iterative, mode});
      std::set<uint32_t> returned;
      Hit hit;
      while (scan.next(&hit)) {
        EXPECT_TRUE(returned.insert(number_of(hit.tid)).second) << "twice";
        EXPECT_EQ(dead_.count(number_of(hit.tid)), 0U) << "dead";
      }
      EXPECT_EQ(returned.size(), all_.count() - dead_.size());
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, RecallOfShape,
                         testing::Values(Shape{32, {2000}, 0, 0}, Shape{128, {2000}, 0, 0},
                                         Shape{128, {2000}, 0, 3},
                                         Shape{128, {1500, 800, 100}, 300, 5},
                                         Shape{768, {1000, 300}, 200, 0},
                                         Shape{1536, {800}, 0, 4}));

}  // namespace
}  // namespace vseg
