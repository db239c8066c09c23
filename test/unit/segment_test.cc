#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

#include "engine/segment/member_extents.h"
#include "engine/segment/segment_reader.h"
#include "engine/segment/segment_writer.h"
#include "test_index.h"

namespace vseg {
namespace {

// A graph that costs nothing to make: each row has the rows after it as neighbours.
Graph ring(uint32_t rows, uint32_t m, uint32_t neighbors) {
  Graph graph;
  graph.rows = rows;
  graph.degree = layer0_degree(m);
  graph.neighbors.assign(size_t{rows} * graph.degree, kNoOrdinal);
  for (Ordinal i = 0; i < rows; i++) {
    for (uint32_t k = 0; k < neighbors && k < graph.degree; k++) {
      graph.neighbors[size_t{i} * graph.degree + k] = (i + k + 1) % rows;
    }
  }
  if (rows > 0) {
    graph.entry_points = {0};
  }
  return graph;
}

// How far a coordinate of `row` may be from what was written: nothing, where vectors are whole.
float tolerance(const SegmentReader& reader, const float* row, float number) {
  if (reader.header().own == OwnVector::kFloat4) {
    return 0;
  }
  const auto [low, high] = std::minmax_element(row, row + reader.header().dimensions);
  return (*high - *low) * number;
}

void expect_near(const float* vector, const float* expected, uint32_t dimensions, float most) {
  for (uint32_t d = 0; d < dimensions; d++) {
    ASSERT_LE(std::abs(vector[d] - expected[d]), most) << "coordinate " << d;
  }
}

void expect_same_rows(SegmentReader& reader, const Rows& rows, const Graph& graph) {
  std::vector<Ordinal> neighbors;
  ASSERT_EQ(reader.rows(), rows.count());
  for (Ordinal i = 0; i < rows.count(); i++) {
    SCOPED_TRACE("row " + std::to_string(i));
    const float* expected = rows.row(i);
    expect_near(reader.vector(i), expected, rows.dimensions, tolerance(reader, expected, 2e-7F));

    NodeView node = reader.node(i);
    expect_near(node.vector, expected, rows.dimensions, tolerance(reader, expected, 1 / 500.0F));
    std::vector<Ordinal> listed(node.neighbors, node.neighbors + node.neighbor_count);
    reader.neighbors(i, &neighbors);
    ASSERT_EQ(listed, neighbors);
    for (uint32_t k = 0; k < graph.degree; k++) {
      Ordinal neighbor = graph.neighbors[size_t{i} * graph.degree + k];
      ASSERT_EQ(neighbor, k < neighbors.size() ? neighbors[k] : kNoOrdinal) << "row " << i;
    }
    ASSERT_TRUE(reader.tid(i) == tid_of(i)) << "row " << i;
  }
}

// Entry points below a block, by way of the blocks between.
std::vector<Ordinal> points_below(SegmentReader& reader, uint32_t level, uint32_t block) {
  const NodeView entry = reader.entry_block(level, block);
  std::vector<Ordinal> children(entry.neighbors, entry.neighbors + entry.neighbor_count);
  if (level + 1 == reader.entry_tree().levels()) {
    return children;
  }
  std::vector<Ordinal> points;
  for (Ordinal child : children) {
    const std::vector<Ordinal> more = points_below(reader, level + 1, child);
    points.insert(points.end(), more.begin(), more.end());
  }
  return points;
}

std::vector<Ordinal> entry_points(SegmentReader& reader) {
  return reader.entry_tree().levels() == 0 ? std::vector<Ordinal>() : points_below(reader, 0, 0);
}

std::vector<float> mean_of(const Rows& rows, const std::vector<Ordinal>& ordinals) {
  std::vector<float> mean(rows.dimensions);
  for (Ordinal ordinal : ordinals) {
    for (uint32_t d = 0; d < rows.dimensions; d++) {
      mean[d] += rows.row(ordinal)[d] / static_cast<float>(ordinals.size());
    }
  }
  return mean;
}

class SegmentOfDimensions : public testing::TestWithParam<uint32_t> {};

TEST_P(SegmentOfDimensions, RowsReadBackAsWritten) {
  uint32_t dimensions = GetParam();
  uint32_t count = dimensions > 1000 ? 100 : 1500;
  Rows rows = random_rows(count, dimensions, 1);
  Graph graph = ring(count, 16, 5);
  TestIndex index(Metric::kL2, dimensions);
  DirectoryEntry& entry = index.add_segment(rows, graph);
  EXPECT_EQ(index.pages_written(), entry.pages);

  SegmentReader reader(index.pages, entry, dimensions);
  expect_same_rows(reader, rows, graph);
  EXPECT_EQ(entry_points(reader), graph.entry_points);
}

// Nodes of one page with whole vectors up to 960 dimensions, with split ones up to 1,536; above
// 4,080 a remainder spans pages as well.
INSTANTIATE_TEST_SUITE_P(Dimensions, SegmentOfDimensions,
                         testing::Values(1, 3, 50, 784, 960, 961, 1024, 1536, 1537, 2040, 3072,
                                         4080, 4081, 16000));

// Neither the last page of nodes nor the last of remainders is full.
TEST(Segment, SplitVectorsOfSmallNodesReadBack) {
  for (uint32_t count : {1u, 14u, 15u, 16u, 100u}) {
    Rows rows = random_rows(count, 768, count);
    Graph graph = ring(count, 8, 5);
    TestIndex index(Metric::kL2, 768);
    index.metapage().m = 8;
    index.own_vector = OwnVector::kSplit;
    DirectoryEntry& entry = index.add_segment(rows, graph);
    EXPECT_EQ(index.pages_written(), entry.pages);
    SegmentReader reader(index.pages, entry, 768);
    ASSERT_EQ(node_layout(reader.header()).nodes_per_page, 3u);
    expect_same_rows(reader, rows, graph);
  }
}

TEST(Segment, SpansManyExtents) {
  Rows rows = random_rows(700, 2500, 2);
  Graph graph = ring(700, 16, 40);
  TestIndex index(Metric::kL2, 2500);
  DirectoryEntry& entry = index.add_segment(rows, graph);
  ASSERT_GT(entry.extents, 20u);
  SegmentReader reader(index.pages, entry, 2500);
  expect_same_rows(reader, rows, graph);
}

TEST(Segment, EveryMFromTwoToAHundredReadsBack) {
  for (uint16_t m : {2, 5, 16, 33, 100}) {
    Rows rows = random_rows(300, 7, m);
    Graph graph = ring(300, m, 1000);
    TestIndex index(Metric::kL1, 7);
    index.metapage().m = m;
    SegmentReader reader(index.pages, index.add_segment(rows, graph), 7);
    expect_same_rows(reader, rows, graph);
  }
}

TEST(Segment, WithoutRowsIsJustItsHeader) {
  TestIndex index(Metric::kL2, 3);
  DirectoryEntry& entry = index.add_segment(Rows{3, {}}, ring(0, 16, 0));
  SegmentReader reader(index.pages, entry, 3);
  EXPECT_EQ(reader.rows(), 0u);
  EXPECT_EQ(index.pages_written(), 1u);
  EXPECT_TRUE(entry_points(reader).empty());
}

// A ring of 5,000 rows with so many entry points, whose order is not that of their numbers.
Graph ring_of_points(uint32_t points) {
  Graph graph = ring(5000, 16, 3);
  graph.entry_points.resize(points);
  std::iota(graph.entry_points.rbegin(), graph.entry_points.rend(), 100);
  return graph;
}

TEST(Segment, ManyEntryPointsReadBack) {
  Rows rows = random_rows(5000, 2, 3);
  const Graph graph = ring_of_points(4500);
  TestIndex index(Metric::kL2, 2);
  SegmentReader reader(index.pages, index.add_segment(rows, graph), 2);
  EXPECT_EQ(entry_points(reader), graph.entry_points);
}

TEST(Segment, EntryBlocksHaveTheMeanOfThePointsBelowThem) {
  Rows rows = random_rows(5000, 3, 3);
  const Graph graph = ring_of_points(1500);
  TestIndex index(Metric::kL2, 3);
  SegmentReader reader(index.pages, index.add_segment(rows, graph), 3);
  const EntryTree& tree = reader.entry_tree();
  ASSERT_EQ(tree.levels(), 3u);
  for (uint32_t level = 0; level < tree.levels(); level++) {
    for (uint32_t i = 0; i < tree.level(level).count; i++) {
      const uint32_t block = tree.level(level).first + i;
      const std::vector<float> mean = mean_of(rows, points_below(reader, level, block));
      expect_near(reader.entry_block(level, block).vector, mean.data(), 3, 1e-4F);
    }
  }
}

// A gigabyte of pages, nearly all of them zero, which the page store leaves out.
TEST(Segment, HasItsExtentsInItsHeader) {
  constexpr uint32_t kRows = 17000;
  class FirstElementOnly : public ExactVectors {
   public:
    const float* next() override {
      vector_[0] = static_cast<float>(row_++);
      return vector_.data();
    }

   private:
    std::vector<float> vector_ = std::vector<float>(kMaxDimensions);
    uint32_t row_ = 0;
  } vectors;
  SegmentHeader header = plan_segment({1, kMaxDimensions, Metric::kL1, 2, 100, kRows, 1});
  // The first ones in as many runs as there may be, some of them descending.
  std::vector<uint32_t> extents(header.extents);
  ASSERT_GT(header.extents, kMaxExtentRuns);
  std::iota(extents.begin(), extents.end(), 10000);
  for (uint32_t i = 0; i + 1 < kMaxExtentRuns; i++) {
    extents[i] = 5000 - 2 * i;
  }
  std::vector<Tid> tids(kRows, tid_of(1));
  MemoryPages pages;
  SegmentSink sink(pages, header.id, extents);
  write_segment({header, extents, ring(kRows, 2, 1), tids, vectors, nullptr}, sink);
  EXPECT_EQ(sink.written(), header.pages);

  DirectoryEntry entry{};
  entry.id = header.id;
  entry.header_block = extents[0] * kExtentPages;
  entry.extents = header.extents;
  entry.rows = kRows;
  SegmentReader reader(pages, entry, kMaxDimensions);
  for (Ordinal i : {0u, 1u, 8000u, 15900u, 16000u, kRows - 1}) {
    EXPECT_EQ(reader.vector(i)[0], static_cast<float>(i));
  }
  EXPECT_EQ(reader.extents(), extents);
  // Only the header is read to open it.
  pages.pins = 0;
  const SegmentReader again(pages, entry, kMaxDimensions);
  EXPECT_EQ(pages.pins, 1u);

  extents[kMaxExtentRuns - 1] += 100;
  EXPECT_THROW(write_segment({header, extents, ring(kRows, 2, 1), tids, vectors, nullptr}, sink),
               std::length_error);
}

// As a build places its first segment.
TEST(Segment, BeginsInTheExtentOfTheMetapage) {
  Rows rows = random_rows(700, 300, 2);
  Graph graph = ring(700, 16, 40);
  SegmentShape shape{
      5, 300, Metric::kL1, 16, 100, 700, static_cast<uint32_t>(graph.entry_points.size())};
  shape.first_page = kFirstChainBlock + 1;
  const SegmentHeader header = plan_segment(shape);
  std::vector<uint32_t> extents(header.extents);
  std::iota(extents.begin(), extents.end(), 0);
  ASSERT_GT(header.extents, 1u);
  std::vector<Tid> tids;
  for (uint32_t i = 0; i < 700; i++) {
    tids.push_back(tid_of(i));
  }
  MemoryPages pages;
  SegmentSink sink(pages, header.id, extents, header.first_page);
  RowsInOrder vectors(rows);
  write_segment({header, extents, graph, tids, vectors, nullptr}, sink);
  DirectoryEntry entry{};
  entry.id = header.id;
  entry.header_block = header.first_page;
  entry.extents = header.extents;
  entry.rows = 700;
  SegmentReader reader(pages, entry, 300);
  EXPECT_EQ(reader.block(0), kFirstChainBlock + 1);
  EXPECT_EQ(reader.block(header.pages - 1), header.first_page + header.pages - 1);
  expect_same_rows(reader, rows, graph);
  // The metapage's extent is not the segment's to give back.
  EXPECT_EQ(segment_extents(pages, entry.header_block, entry.id, 300),
            std::vector<uint32_t>(extents.begin() + 1, extents.end()));
}

TEST(Segment, WriterRefusesPartsThatDoNotFitTheHeader) {
  Rows rows = random_rows(10, 4, 5);
  Graph graph = ring(10, 16, 3);
  SegmentHeader header = plan_segment({1, 4, Metric::kL1, 16, 100, 10, 1});
  SegmentHeader coded = plan_segment({1, 4, Metric::kL2, 16, 100, 10, 1});
  std::vector<uint32_t> extents = {5};
  std::vector<uint32_t> no_extents;
  std::vector<Tid> tids(10, tid_of(1));
  std::vector<Tid> too_few(9, tid_of(1));
  Graph sparse = ring(10, 2, 3);
  RowsInOrder vectors(rows);
  MemoryPages pages;
  SegmentSink sink(pages, 1, extents);
  EXPECT_THROW(write_segment({header, no_extents, graph, tids, vectors, nullptr}, sink),
               std::logic_error);
  EXPECT_THROW(write_segment({header, extents, graph, too_few, vectors, nullptr}, sink),
               std::logic_error);
  EXPECT_THROW(write_segment({header, extents, sparse, tids, vectors, nullptr}, sink),
               std::logic_error);
  EXPECT_THROW(write_segment({coded, extents, graph, tids, vectors, nullptr}, sink),
               std::logic_error);
  EXPECT_EQ(sink.written(), 0u);
}

}  // namespace
}  // namespace vseg
