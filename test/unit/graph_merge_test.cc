// Graphs built on the lists of others: no worse than one built anew, however often.
#include <algorithm>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "engine/common/errors.h"
#include "engine/graph/graph_builder.h"
#include "engine/graph/known_lists.h"
#include "graph_checks.h"

namespace vseg {
namespace {

// Rows with a graph over them, some of them dead.
struct Segment {
  Rows rows;
  Graph graph;
  std::vector<bool> dead;
};

struct Settings {
  Metric metric = Metric::kL2;
  bool narrowed = false;
  GraphOptions options;
};

Graph build(const Rows& rows, const Settings& settings, const KnownLists* known = nullptr) {
  QuietMonitor monitor;
  const RowStore store = store_of(rows, settings.metric, settings.narrowed);
  return build_graph(store, settings.options, monitor, known);
}

Segment segment_of(const Rows& rows, const Settings& settings) {
  return {rows, build(rows, settings), std::vector<bool>(rows.size(), false)};
}

void kill(Segment* segment, uint32_t percent, uint32_t seed) {
  std::mt19937 random(seed);
  for (size_t i = 0; i < segment->dead.size(); ++i) {
    segment->dead[i] = segment->dead[i] || random() % 100 < percent;
  }
}

// The live rows of segments, the largest first, and of rows without a graph, with their lists.
struct Merge {
  explicit Merge(const GraphOptions& options) : known(layer0_degree(options.m)) {}

  void add(const Segment& segment, uint32_t merges = 0) {
    for (Ordinal row = 0; row < segment.graph.rows; ++row) {
      const Ordinal* list = segment.graph.list(row);
      known.add({list, list + segment.graph.list_size(row)}, !segment.dead[row]);
      if (!segment.dead[row]) {
        rows.push_back(segment.rows[row]);
      }
    }
    known.end_graph(merges);
  }
  void add(const Rows& more) { rows.insert(rows.end(), more.begin(), more.end()); }

  Rows rows;
  KnownLists known;
};

Segment merged(const Merge& merge, const Settings& settings) {
  return {merge.rows, build(merge.rows, settings, &merge.known),
          std::vector<bool>(merge.rows.size(), false)};
}

double average_degree(const Graph& graph) {
  uint64_t edges = 0;
  for (Ordinal row = 0; row < graph.rows; ++row) {
    edges += graph.list_size(row);
  }
  return static_cast<double>(edges) / graph.rows;
}

void expect_as_good_as_anew(const Segment& segment, const Settings& settings) {
  expect_sound(segment.graph, store_of(segment.rows, settings.metric, settings.narrowed),
               settings.options);
  const Graph anew = build(segment.rows, settings);
  EXPECT_GE(average_degree(segment.graph), 0.99 * segment.graph.degree);
  EXPECT_GE(average_degree(segment.graph), average_degree(anew) - 0.1);
  EXPECT_GE(recall_at_10(segment.graph, segment.rows, settings.metric, 32),
            recall_at_10(anew, segment.rows, settings.metric, 32) - 0.01);
}

class MergedGraph : public testing::TestWithParam<Settings> {};

GraphOptions with_threads(uint32_t threads) {
  GraphOptions options;
  options.threads = threads;
  return options;
}

INSTANTIATE_TEST_SUITE_P(All, MergedGraph,
                         testing::Values(Settings{Metric::kL2, false, with_threads(1)},
                                         Settings{Metric::kL2, true, with_threads(2)},
                                         Settings{Metric::kInnerProduct, false, with_threads(2)},
                                         Settings{Metric::kL1, true, with_threads(2)}));

TEST_P(MergedGraph, OfALargeOneSmallOnesAndRowsWithoutAGraph) {
  Merge merge(GetParam().options);
  merge.add(segment_of(clustered_rows(3000, 24, 1), GetParam()));
  merge.add(segment_of(clustered_rows(1000, 24, 2), GetParam()));
  merge.add(segment_of(clustered_rows(600, 24, 3), GetParam()));
  merge.add(clustered_rows(400, 24, 4));
  const Segment segment = merged(merge, GetParam());
  expect_as_good_as_anew(segment, GetParam());
  EXPECT_EQ(segment.graph.work.inserted_rows, 2000U);
}

TEST_P(MergedGraph, IsBuiltAnewWhereItsBaseWasBuiltOnOthersTwice) {
  Segment segment = segment_of(clustered_rows(1000, 24, 1), GetParam());
  for (uint32_t merges : {1U, 2U, 0U}) {
    Merge merge(GetParam().options);
    merge.add(segment, segment.graph.merges);
    segment = merged(merge, GetParam());
    EXPECT_EQ(segment.graph.merges, merges);
    EXPECT_EQ(segment.graph.work.inserted_rows, merges == 0 ? 1000U : 0U);
  }
}

// A degree that was restored relative to what was left would sink from one to the next.
TEST_P(MergedGraph, StaysAsGoodAsAnewOverGenerationsOfDeletesAndInserts) {
  Segment segment = segment_of(clustered_rows(2500, 24, 1), GetParam());
  for (uint32_t generation = 0; generation < 6; ++generation) {
    SCOPED_TRACE(generation);
    kill(&segment, 15, generation);
    Merge merge(GetParam().options);
    merge.add(segment);
    Segment small = segment_of(clustered_rows(250, 24, 100 + generation), GetParam());
    kill(&small, 10, generation);
    merge.add(small);
    merge.add(clustered_rows(125, 24, 200 + generation));
    segment = merged(merge, GetParam());
    EXPECT_LT(segment.graph.work.inserted_rows, segment.graph.rows);
    expect_as_good_as_anew(segment, GetParam());
  }
}

TEST_P(MergedGraph, OfOneGraphIsRepairedAroundTheDead) {
  for (uint32_t percent : {1U, 20U}) {
    SCOPED_TRACE(percent);
    Segment segment = segment_of(clustered_rows(4000, 24, 1), GetParam());
    kill(&segment, percent, 7);
    Merge merge(GetParam().options);
    merge.add(segment);
    const Segment repaired = merged(merge, GetParam());
    EXPECT_EQ(repaired.graph.work.inserted_rows, 0U);
    expect_as_good_as_anew(repaired, GetParam());
  }
}

// What search finds near a place where everything died, and rows that have lost all neighbours.
TEST(MergedGraphs, AreReachableWhereWholeClustersDied) {
  Settings settings;
  settings.options.m = 4;
  Rows rows;
  for (int cluster = 0; cluster < 100; ++cluster) {
    for (int i = 0; i < 20; ++i) {
      rows.push_back({1e5F * static_cast<float>(cluster), static_cast<float>(i)});
    }
  }
  Segment segment = segment_of(rows, settings);
  for (size_t i = 0; i < rows.size(); ++i) {
    segment.dead[i] = i / 20 % 8 == 3 || (i / 20 % 8 == 5 && i % 20 != 0);
  }
  Merge merge(settings.options);
  merge.add(segment);
  merge.add(Rows(30, {5e6F, 1}));
  const Segment repaired = merged(merge, settings);
  expect_sound(repaired.graph, store_of(repaired.rows, settings.metric), settings.options);
}

TEST(MergedGraphs, OfFewRowsAreSound) {
  Settings settings;
  for (uint32_t base : {0U, 1U, 2U, 40U}) {
    for (uint32_t others : {0U, 1U, 40U}) {
      for (uint32_t percent : {0U, 50U, 100U}) {
        SCOPED_TRACE(testing::Message() << base << ' ' << others << ' ' << percent);
        Merge merge(settings.options);
        if (base > 0) {
          Segment segment = segment_of(clustered_rows(base, 4, 1), settings);
          kill(&segment, percent, 1);
          merge.add(segment);
        }
        if (others > 0) {
          merge.add(segment_of(clustered_rows(others, 4, 2), settings));
          merge.add(clustered_rows(others, 4, 3));
        }
        if (!merge.rows.empty()) {
          const Segment segment = merged(merge, settings);
          expect_sound(segment.graph, store_of(segment.rows, settings.metric), settings.options);
        }
      }
    }
  }
}

TEST(MergedGraphs, OfEqualRowsAreAllReachable) {
  for (uint32_t threads : {1U, 2U}) {
    Settings settings;
    settings.options.m = 8;
    settings.options.threads = threads;
    Segment large = segment_of(Rows(3000, {1, 2, 3}), settings);
    kill(&large, 20, 1);
    Merge merge(settings.options);
    merge.add(large);
    merge.add(segment_of(Rows(1000, {1, 2, 3}), settings));
    const Segment segment = merged(merge, settings);
    expect_sound(segment.graph, store_of(segment.rows, settings.metric), settings.options);
  }
}

// Two slots a list, so that lists on the upper layers are full and shortened all the time, and many
// dimensions, so that threads spend their time between reading a slot and reading the next.
TEST(MergedGraphs, AreSoundWhereThreadsShortenListsThatOthersWalk) {
  Settings settings;
  settings.options.m = 2;
  settings.options.ef_construction = 10;
  settings.options.threads = 4;
  const Segment base = segment_of(clustered_rows(800, 2048, 1), settings);
  const Rows more = clustered_rows(800, 2048, 2);
  for (int round = 0; round < 20; ++round) {
    Merge merge(settings.options);
    merge.add(base);
    merge.add(more);
    expect_sound(merged(merge, settings).graph, store_of(merge.rows, settings.metric, false),
                 settings.options);
  }
}

TEST(MergedGraphs, OneThreadBuildsTheSameEveryTime) {
  const Settings settings;
  Segment large = segment_of(clustered_rows(1500, 16, 1), settings);
  kill(&large, 10, 1);
  Merge merge(settings.options);
  merge.add(large);
  merge.add(segment_of(clustered_rows(1000, 16, 2), settings));
  merge.add(clustered_rows(200, 16, 3));
  const Graph first = build(merge.rows, settings, &merge.known);
  const Graph second = build(merge.rows, settings, &merge.known);
  EXPECT_EQ(first.entry_points, second.entry_points);
  EXPECT_EQ(first.work.distances, second.work.distances);
  EXPECT_TRUE(std::equal(first.neighbors.begin(), first.neighbors.end(), second.neighbors.begin(),
                         second.neighbors.end()));
}

// Cancels when so many rows are in; remembers the counts it was told.
class CancellingMonitor : public BuildMonitor {
 public:
  explicit CancellingMonitor(uint32_t rows) : rows_(rows) {}
  void inserted(uint32_t rows) override {
    descended_ = descended_ || rows < seen_;
    seen_ = rows;
  }
  bool cancelled() override { return seen_ >= rows_; }
  uint32_t seen() const { return seen_; }
  bool descended() const { return descended_; }

 private:
  uint32_t rows_;
  uint32_t seen_ = 0;
  bool descended_ = false;
};

TEST(MergedGraphs, CanBeCancelledAtAnyStepAndReportAllRows) {
  const Settings settings;
  Merge merge(settings.options);
  merge.add(segment_of(clustered_rows(2000, 16, 1), settings));
  merge.add(segment_of(clustered_rows(1500, 16, 2), settings));
  const RowStore store = store_of(merge.rows, settings.metric);
  for (uint32_t rows : {0U, 1000U, 2100U, 3000U, 3500U}) {
    CancellingMonitor monitor(rows);
    EXPECT_THROW(build_graph(store, settings.options, monitor, &merge.known), CancelledError);
  }
  CancellingMonitor monitor(3501);
  build_graph(store, settings.options, monitor, &merge.known);
  EXPECT_EQ(monitor.seen(), 3500U);
  EXPECT_FALSE(monitor.descended());
}

}  // namespace
}  // namespace vseg
