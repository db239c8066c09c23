#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <utility>
#include <vector>

#include "engine/common/errors.h"
#include "engine/format/append_format.h"
#include "engine/format/metapage_format.h"
#include "engine/format/segment_format.h"
#include "engine/quantizer/edge_codes.h"

namespace vseg {
namespace {

TEST(NodeLayout, PartsFollowEachOtherForEveryDimensionAndDegree) {
  for (uint32_t degree : {16u, 32u, 64u, 208u}) {
    for (uint32_t dimensions = 1; dimensions <= kMaxDimensions; dimensions++) {
      NodeLayout layout = make_node_layout({dimensions, degree, 0});
      ASSERT_EQ(layout.neighbors_offset, sizeof(NodeHeader));
      ASSERT_EQ(layout.code_offset, layout.neighbors_offset + degree * 4);
      ASSERT_EQ(layout.vector_offset, layout.code_offset);
      ASSERT_EQ(layout.vector_offset % alignof(float), 0u);
      ASSERT_EQ(layout.node_bytes, layout.vector_offset + dimensions * 4);
    }
  }
}

TEST(NodeLayout, PagesHoldAsManyNodesAsFit) {
  for (uint32_t dimensions = 1; dimensions <= kMaxDimensions; dimensions++) {
    NodeLayout layout = make_node_layout({dimensions, 32, 0});
    uint32_t bytes = layout.node_bytes;
    if (bytes <= kPagePayload) {
      ASSERT_GE(layout.nodes_per_page, 1u);
      ASSERT_LE(layout.nodes_per_page * bytes, kPagePayload);
      ASSERT_GT((layout.nodes_per_page + 1) * bytes, kPagePayload);
      ASSERT_EQ(layout.pages_per_node, 1u);
    } else {
      ASSERT_EQ(layout.nodes_per_page, 0u);
      ASSERT_GE(layout.pages_per_node * kPagePayload, bytes);
      ASSERT_LT((layout.pages_per_node - 1) * kPagePayload, bytes);
    }
  }
}

TEST(NodeLayout, CodeAreaLiesBetweenNeighborsAndVector) {
  NodeLayout layout = make_node_layout({100, 32, 64});
  EXPECT_EQ(layout.code_offset, 8u + 128u);
  EXPECT_EQ(layout.vector_offset, 8u + 128u + 64u);
}

TEST(NodeLayout, DegreeIsTwiceMRoundedUpToSixteen) {
  EXPECT_EQ(layer0_degree(2), 16u);
  EXPECT_EQ(layer0_degree(8), 16u);
  EXPECT_EQ(layer0_degree(9), 32u);
  EXPECT_EQ(layer0_degree(16), 32u);
  EXPECT_EQ(layer0_degree(100), 208u);
}

SegmentShape shape_of(uint32_t dimensions, uint32_t rows, uint16_t m = 16) {
  return {7, dimensions, Metric::kL2, m, 100, rows, rows == 0 ? 0u : 1u};
}

// Checks by 64-bit arithmetic that everything has room and nothing overlaps.
void expect_consistent(const SegmentHeader& header) {
  NodeLayout layout = node_layout(header);
  uint64_t rows = header.rows;
  EXPECT_EQ(header.nodes.count % layout.pages_per_group, 0u);
  EXPECT_GE(uint64_t{header.nodes.count} / layout.pages_per_group * layout.rows_per_group, rows);
  EXPECT_GE(uint64_t{header.tids.count} * kTidsPerPage, rows);
  EXPECT_GE(uint64_t{header.tombstones.count} * kTombstonesPerPage, rows);
  uint64_t entry_slots = layout.nodes_per_page != 0
                             ? uint64_t{header.entries.count} * layout.nodes_per_page
                             : header.entries.count / layout.pages_per_node;
  EXPECT_GE(entry_slots, entry_tree(header).blocks());

  uint64_t next = 1;
  for (const PageRange& range : {header.nodes, header.tids, header.tombstones, header.entries}) {
    EXPECT_EQ(range.first, next);
    next += range.count;
  }
  EXPECT_EQ(header.pages, next);
  EXPECT_GE(uint64_t{header.extents} * kExtentPages, next);
  EXPECT_LT((uint64_t{header.extents} - 1) * kExtentPages, next);
}

// Pages that a segment needs at least, in 64 bits.
uint64_t node_pages(const SegmentShape& shape) {
  const NodeLayout layout =
      make_node_layout(choose_node_shape(shape.metric, shape.dimensions, layer0_degree(shape.m)));
  return uint64_t{shape.rows} / layout.rows_per_group * layout.pages_per_group;
}

TEST(SegmentPlan, EverythingHasRoomForEveryDimension) {
  for (uint32_t dimensions = 1; dimensions <= kMaxDimensions; dimensions++) {
    for (uint32_t rows : {0u, 1u, 1000u, 1000000u}) {
      expect_consistent(plan_segment(shape_of(dimensions, rows)));
    }
    ASSERT_FALSE(HasFailure()) << dimensions << " dimensions";
  }
}

TEST(SegmentPlan, BillionsOfRowsFitOrAreRefused) {
  for (uint16_t m : {2, 16, 100}) {
    for (uint32_t dimensions : {1u, 3u, 128u, 784u, 2006u, 2007u, 8000u, 16000u}) {
      for (uint32_t rows : {100000000u, 536870911u, 2147483648u, 4294967295u}) {
        SegmentShape shape = shape_of(dimensions, rows, m);
        if (node_pages(shape) > 0xFFFFFFC0) {
          EXPECT_THROW(plan_segment(shape), LimitError);
        } else if (node_pages(shape) < 0xFF000000) {
          expect_consistent(plan_segment(shape));
        }
        ASSERT_FALSE(HasFailure()) << rows << " rows, " << dimensions << " dimensions, m " << m;
      }
    }
  }
}

TEST(SegmentPlan, PagesBeforeTheFirstTakeExtentsToo) {
  SegmentShape shape = shape_of(8, 10);
  const uint32_t pages = plan_segment(shape).pages;
  shape.first_page = kExtentPages - pages;
  EXPECT_EQ(plan_segment(shape).extents, 1u);
  shape.first_page++;
  EXPECT_EQ(plan_segment(shape).extents, 2u);
  EXPECT_EQ(plan_segment(shape).pages, pages);
}

std::vector<std::pair<uint32_t, uint32_t>> pairs(const std::vector<ExtentRun>& runs) {
  std::vector<std::pair<uint32_t, uint32_t>> pairs;
  pairs.reserve(runs.size());
  for (const ExtentRun& run : runs) {
    pairs.emplace_back(run.first, run.extents);
  }
  return pairs;
}

using Pairs = std::vector<std::pair<uint32_t, uint32_t>>;

TEST(Extents, AreListedAsRuns) {
  EXPECT_EQ(pairs(extent_runs({})), Pairs());
  EXPECT_EQ(pairs(extent_runs({7, 8, 9, 11, 10, 20})), Pairs({{7, 3}, {11, 1}, {10, 1}, {20, 1}}));
}

TEST(Extents, AreTakenFromTheLowestUp) {
  const std::vector<ExtentRun> free = {{3, 1}, {5, 2}, {10, 100}, {200, 5}};
  EXPECT_EQ(pairs(choose_extents(free, 4, 10)), Pairs({{3, 1}, {5, 2}, {10, 1}}));
  EXPECT_EQ(pairs(choose_extents(free, 1, 10)), Pairs({{3, 1}}));
  EXPECT_EQ(pairs(choose_extents(free, 0, 10)), Pairs());
  EXPECT_EQ(pairs(choose_extents(free, 1000, 10)), Pairs({{3, 1}, {5, 2}, {10, 100}, {200, 5}}))
      << "as many as there are";
}

TEST(Extents, AreTakenInFewRuns) {
  const std::vector<ExtentRun> free = {{3, 1}, {5, 2}, {10, 100}, {200, 5}};
  EXPECT_EQ(pairs(choose_extents(free, 50, 2)), Pairs({{5, 2}, {10, 48}}));
  EXPECT_EQ(pairs(choose_extents(free, 106, 2)), Pairs({{10, 100}, {200, 5}}));
  std::vector<ExtentRun> fragments;
  for (uint32_t i = 0; i < 5000; i++) {
    fragments.push_back({3 * i, 1});
  }
  EXPECT_THAT(choose_extents(fragments, 400, 500), testing::SizeIs(400));
  EXPECT_THAT(choose_extents(fragments, 501, 500), testing::SizeIs(0));
}

TEST(SegmentPlan, ManyEntryPointsTakeSeveralBlocks) {
  SegmentShape shape = shape_of(10, 100000);
  SegmentHeader header = plan_segment(shape);
  const uint32_t per_page = node_layout(header).nodes_per_page;
  shape.entry_points = 2 * header.degree * per_page;
  header = plan_segment(shape);
  EXPECT_EQ(entry_tree(header).blocks(), 2 * per_page + 1);
  EXPECT_EQ(header.entries.count, 3u);
  expect_consistent(header);
}

TEST(SegmentPlan, NeighborsHaveCodesForEveryDimension) {
  for (uint32_t dimensions = 1; dimensions <= kMaxDimensions; dimensions += 7) {
    EXPECT_EQ(plan_segment(shape_of(dimensions, 100)).code_bytes, edge_code_bytes(dimensions, 32));
  }
}

TEST(SegmentPlan, VectorsAreSplitWhereAStepThenReadsFewerPages) {
  for (uint32_t dimensions = 1; dimensions <= kMaxDimensions; dimensions++) {
    const SegmentHeader header = plan_segment(shape_of(dimensions, 100));
    NodeShape shape{dimensions, header.degree, header.code_bytes, OwnVector::kFloat4};
    const uint32_t whole = make_node_layout(shape).pages_per_node;
    shape.own = OwnVector::kSplit;
    const uint32_t split = make_node_layout(shape).pages_per_node;
    ASSERT_EQ(header.own == OwnVector::kSplit, split < whole) << dimensions;
  }
  EXPECT_EQ(plan_segment(shape_of(768, 100)).own, OwnVector::kFloat4);
  EXPECT_EQ(plan_segment(shape_of(1536, 100)).own, OwnVector::kSplit);
  EXPECT_EQ(node_layout(plan_segment(shape_of(1536, 100))).pages_per_node, 1u);
}

TEST(SegmentPlan, GroupsOfSplitVectorsFillTheirPages) {
  for (uint32_t dimensions = 1; dimensions <= kMaxDimensions; dimensions++) {
    const NodeLayout layout = make_node_layout({dimensions, 16, 0, OwnVector::kSplit});
    const uint32_t node_pages = layout.node_pages_per_group;
    const uint32_t remainder_pages = layout.pages_per_group - node_pages;
    ASSERT_EQ(layout.remainder_bytes, 2 * dimensions);
    if (layout.nodes_per_page != 0) {
      ASSERT_EQ(node_pages * layout.nodes_per_page, layout.rows_per_group);
    } else {
      ASSERT_EQ(node_pages, layout.rows_per_group * layout.pages_per_node);
    }
    if (layout.remainders_per_page != 0) {
      ASSERT_LE(layout.remainders_per_page * layout.remainder_bytes, kPagePayload);
      ASSERT_EQ(remainder_pages * layout.remainders_per_page, layout.rows_per_group);
    } else {
      ASSERT_GE(remainder_pages * kPagePayload, layout.rows_per_group * layout.remainder_bytes);
    }
  }
}

TEST(SegmentPlan, AnotherFormOfVectorsMayBeAskedFor) {
  SegmentShape shape = shape_of(64, 100);
  shape.own = OwnVector::kSplit;
  const SegmentHeader header = plan_segment(shape);
  EXPECT_EQ(header.own, OwnVector::kSplit);
  expect_consistent(header);
}

TEST(SegmentPlan, L1HasNoCodes) {
  SegmentShape shape = shape_of(64, 100);
  shape.metric = Metric::kL1;
  EXPECT_EQ(plan_segment(shape).code_bytes, 0u);
}

TEST(SegmentPlan, NeighborListMustFitIntoAPage) {
  EXPECT_NO_THROW(plan_segment(shape_of(10, 10, 1000)));
  EXPECT_THROW(plan_segment(shape_of(10, 10, 1100)), LimitError);
  EXPECT_THROW(plan_segment(shape_of(10, 10, 0xFFFF)), LimitError);
}

TEST(AppendLayout, EntryPageHoldsItsRowsAndTheirVectorPagesForEveryDimension) {
  for (uint32_t dimensions = 1; dimensions <= kMaxDimensions; dimensions++) {
    AppendLayout layout = make_append_layout(dimensions);
    ASSERT_EQ(layout.vector_bytes, dimensions * 4) << dimensions;
    ASSERT_GE(layout.capacity, 1u) << dimensions;
    ASSERT_LE(layout.capacity, 0xFFFFu) << dimensions;
    ASSERT_EQ(layout.capacity % kAppendGroupRows, 0u) << dimensions;
    ASSERT_GE(layout.code_blocks_offset, layout.entries_offset + layout.capacity * 8) << dimensions;
    ASSERT_GE(layout.blocks_offset, layout.code_blocks_offset + layout.max_code_pages * 4)
        << dimensions;
    ASSERT_LE(layout.blocks_offset + layout.max_vector_pages * 4, kPagePayload) << dimensions;
    if (layout.vectors_per_page != 0) {
      ASSERT_EQ(layout.pages_per_vector, 1u) << dimensions;
      ASSERT_LE(layout.vectors_per_page * layout.vector_bytes, kPagePayload) << dimensions;
      ASSERT_GE(layout.max_vector_pages * layout.vectors_per_page, layout.capacity) << dimensions;
    } else {
      ASSERT_GE(layout.pages_per_vector * kPagePayload, layout.vector_bytes) << dimensions;
      ASSERT_EQ(layout.max_vector_pages, layout.capacity * layout.pages_per_vector) << dimensions;
    }
  }
}

TEST(AppendLayout, CodePagesHoldTheCodesOfAllGroupsForEveryDimension) {
  for (uint32_t dimensions = 1; dimensions <= kMaxDimensions; dimensions++) {
    AppendLayout layout = make_append_layout(dimensions);
    const uint32_t groups = layout.capacity / kAppendGroupRows;
    ASSERT_EQ(code_pages(layout, groups), layout.max_code_pages) << dimensions;
    ASSERT_GE(layout.centroid_pages * kPagePayload, dimensions * 4) << dimensions;
    ASSERT_LE(layout.centroid_pages, kExtentPages) << dimensions;
    ASSERT_LE(layout.pages_per_group, 32u) << "pages of a record, at dimensions " << dimensions;
    if (layout.group_bytes == 0) {
      ASSERT_EQ(layout.max_code_pages, 0u) << dimensions;
    } else if (layout.groups_per_page != 0) {
      ASSERT_EQ(layout.group_bytes, edge_code_bytes(dimensions, 32)) << dimensions;
      ASSERT_LE(layout.groups_per_page * layout.group_bytes, kPagePayload) << dimensions;
      ASSERT_GE(layout.max_code_pages * layout.groups_per_page, groups) << dimensions;
    } else {
      ASSERT_GE(layout.pages_per_group * kPagePayload, layout.group_bytes) << dimensions;
      ASSERT_EQ(layout.max_code_pages, groups * layout.pages_per_group) << dimensions;
    }
  }
}

TEST(AppendLayout, OnlyRowsMuchLongerThanTheirCodesHaveCodes) {
  EXPECT_FALSE(has_append_codes(Metric::kL2, make_append_layout(3)));
  EXPECT_FALSE(has_append_codes(Metric::kL2, make_append_layout(50)));
  for (uint32_t dimensions = 128; dimensions <= kMaxDimensions; dimensions++) {
    ASSERT_TRUE(has_append_codes(Metric::kL2, make_append_layout(dimensions))) << dimensions;
  }
  EXPECT_FALSE(has_append_codes(Metric::kL1, make_append_layout(784)));
}

TEST(AppendLayout, EntryPagesAreWellFilled) {
  for (uint32_t dimensions = 1; dimensions <= kMaxDimensions; dimensions++) {
    AppendLayout layout = make_append_layout(dimensions);
    uint32_t used = layout.blocks_offset + layout.max_vector_pages * 4;
    ASSERT_GT(used, kPagePayload / 2) << dimensions;
  }
}

TEST(AllocationMap, EachMapIsTheSecondBlockOfTheFirstExtentItDescribes) {
  EXPECT_EQ(allocation_map_block(0), 1u);
  EXPECT_EQ(allocation_map_block(kExtentsPerMap - 1), 1u);
  EXPECT_EQ(allocation_map_block(kExtentsPerMap), kExtentsPerMap * kExtentPages + 1);
  EXPECT_EQ(allocation_map_block((1u << 26) - 1), 1028u * kExtentsPerMap * kExtentPages + 1);
}

}  // namespace
}  // namespace vseg
