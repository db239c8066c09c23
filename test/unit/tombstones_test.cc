#include <gtest/gtest.h>

#include <cstdint>
#include <set>

#include "engine/segment/tombstones.h"
#include "test_index.h"

namespace vseg {
namespace {

// A segment of `rows` rows whose graph nobody walks.
DirectoryEntry& add_unconnected_segment(TestIndex& index, uint32_t rows) {
  Graph graph;
  graph.rows = rows;
  graph.degree = layer0_degree(16);
  graph.neighbors.assign(size_t{rows} * graph.degree, kNoOrdinal);
  graph.entry_points = {0};
  return index.add_segment(random_rows(rows, 1, 1), graph);
}

TEST(Tombstones, TellDeadRowsFromLiveOnes) {
  TestIndex index(Metric::kL2, 1);
  DirectoryEntry& entry = add_unconnected_segment(index, 3000);
  std::set<Ordinal> buried = {0, 7, 8, 9, 1234, 2999};
  for (Ordinal ordinal : buried) {
    index.bury(entry, ordinal);
  }
  SegmentReader segment(index.pages, entry, 1);
  Tombstones tombstones(index.pages, segment, true);
  for (Ordinal i = 0; i < 3000; i++) {
    ASSERT_EQ(tombstones.dead(i), buried.count(i) == 1) << "row " << i;
  }
}

TEST(Tombstones, SpanPages) {
  constexpr uint32_t kRows = kTombstonesPerPage + 100;
  TestIndex index(Metric::kL2, 1);
  DirectoryEntry& entry = add_unconnected_segment(index, kRows);
  index.bury(entry, kTombstonesPerPage - 1);
  index.bury(entry, kTombstonesPerPage + 1);
  SegmentReader segment(index.pages, entry, 1);
  Tombstones tombstones(index.pages, segment, true);
  EXPECT_TRUE(tombstones.dead(kTombstonesPerPage - 1));
  EXPECT_FALSE(tombstones.dead(kTombstonesPerPage));
  EXPECT_TRUE(tombstones.dead(kTombstonesPerPage + 1));
  EXPECT_FALSE(tombstones.dead(kRows - 1));
}

TEST(Tombstones, AreAViewAsOfTheFirstLook) {
  TestIndex index(Metric::kL2, 1);
  DirectoryEntry& entry = add_unconnected_segment(index, 100);
  index.bury(entry, 1);
  SegmentReader segment(index.pages, entry, 1);
  Tombstones tombstones(index.pages, segment, true);
  EXPECT_FALSE(tombstones.dead(2));
  index.bury(entry, 2);
  EXPECT_FALSE(tombstones.dead(2));
}

TEST(Tombstones, AreNotReadWhereTheDirectoryCountsNone) {
  TestIndex index(Metric::kL2, 1);
  DirectoryEntry& entry = add_unconnected_segment(index, 100);
  SegmentReader segment(index.pages, entry, 1);
  // The page is gone: reading it would throw.
  index.pages.page(index.block_of(entry, segment.header().tombstones.first)).owner = 99;
  EXPECT_FALSE(Tombstones(index.pages, segment, false).dead(5));
  EXPECT_THROW(Tombstones(index.pages, segment, true).dead(5), CorruptIndexError);
}

}  // namespace
}  // namespace vseg
