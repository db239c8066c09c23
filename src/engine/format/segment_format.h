// A graph segment's pages. On disk.
//
// A segment is a sequence of logical pages, placed in extents: with q = first_page + p, logical
// page p is block extents[q / 64] * 64 + q % 64. The extents are listed as runs of consecutive
// ones, all of them in the header page, so that opening a segment takes no longer the larger it is.
// In order:
//
//   header | nodes | TIDs | tombstones | entry tree
//
// Node blocks are of one size; block i belongs to ordinal i. Where a block fits into a page,
// nodes_per_page of them share one and none straddles two; a larger block takes pages_per_node
// whole pages, its bytes running on from payload to payload.
//
// Where own vectors are split (engine/quantizer/split_vector.h), the nodes come in groups of
// rows_per_group rows: their node pages, then the pages of their remainders, whose vectors share
// pages or take whole ones as nodes do. The last group has all its pages, however few its rows.
#ifndef VSEG_ENGINE_FORMAT_SEGMENT_FORMAT_H_
#define VSEG_ENGINE_FORMAT_SEGMENT_FORMAT_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/common/types.h"
#include "engine/format/entry_tree.h"
#include "engine/format/page_format.h"

namespace vseg {

struct PageRange {
  uint32_t first;  // logical page
  uint32_t count;
};

// How a row's own vector is kept.
enum class OwnVector : uint8_t {
  kChosen = 0,  // not on disk: as choose_node_shape has it
  kFloat4 = 1,  // float4[dimensions] in the node block
  kSplit = 2,   // SplitScale and uint8[dimensions] in the node block, uint16[dimensions] apart
};

// A node block: NodeHeader, then `degree` neighbour ordinals (uint32), then the code area of
// code_bytes (engine/quantizer/edge_codes.h; 0: no codes), then the row's own vector, or its first
// part.
//
// The entry tree (EntryTree) consists of further node blocks, which belong to no row: their vector
// is the mean of the entry points below them, their ordinal kNoOrdinal, and their neighbours are
// the numbers of their children, on the last level the ordinals of entry points.
struct NodeHeader {
  Ordinal ordinal;     // the row's own, so that a misplaced block is noticed
  uint16_t neighbors;  // ordinals in use, the first of the list
  uint16_t reserved;
};
static_assert(sizeof(NodeHeader) == 8);

// Where the parts of a node block are, and where the pages of a group; plain arithmetic.
struct NodeLayout {
  uint32_t dimensions;
  uint32_t degree;      // capacity of the neighbour list
  uint32_t code_bytes;  // width of the code area
  uint32_t neighbors_offset;
  uint32_t code_offset;
  uint32_t vector_offset;
  uint32_t node_bytes;
  uint32_t nodes_per_page;  // 0 where a block is larger than a page
  uint32_t pages_per_node;  // 1 where it is not
  OwnVector own;
  uint32_t remainder_bytes;       // of one row; 0 where own vectors are whole
  uint32_t remainders_per_page;   // 0 where one is larger than a page
  uint32_t rows_per_group;        // 1 page of nodes, or 1 row, where own vectors are whole
  uint32_t node_pages_per_group;  // the remainders' pages follow
  uint32_t pages_per_group;
};

// What a node block holds.
struct NodeShape {
  uint32_t dimensions;
  uint32_t degree;
  uint32_t code_bytes;
  OwnVector own = OwnVector::kFloat4;
};

NodeLayout make_node_layout(const NodeShape& shape);

// The node blocks of a metric: with codes, where the metric has them, and with split vectors where
// whole ones would take more pages of each step of a search.
NodeShape choose_node_shape(Metric metric, uint32_t dimensions, uint32_t degree);

// m, the neighbours per node of the upper layers, gives layer 0 twice as many, rounded up to 16.
inline uint32_t layer0_degree(uint32_t m) { return (2 * m + 15) / 16 * 16; }

struct SegmentHeader {
  uint32_t id;
  uint32_t dimensions;
  Metric metric;
  OwnVector own;
  uint16_t m;
  uint16_t ef_construction;
  uint16_t degree;
  uint32_t code_bytes;
  uint32_t rows;
  uint32_t entry_points;  // below the entry tree
  uint32_t pages;         // logical pages
  uint32_t extents;
  uint32_t first_page;  // of the first extent: not 0 in the extent of the metapage only
  PageRange nodes;
  PageRange tids;
  PageRange tombstones;
  PageRange entries;
  uint32_t merges;  // how often in a row the graph was built on another, since it was built anew
  uint32_t runs;    // ExtentRun, right after this header; the fields before follow from the shape
  uint32_t reserved[20];
};
static_assert(sizeof(SegmentHeader) == 160);

// Consecutive extents.
struct ExtentRun {
  uint32_t first;
  uint32_t extents;
};
static_assert(sizeof(ExtentRun) == 8);

// What the header page has room for. Who claims extents takes new ones, which are consecutive,
// rather than more fragments than half of these.
constexpr uint32_t kMaxExtentRuns =
    (kPagePayload - sizeof(SegmentHeader)) / sizeof(ExtentRun);  // 1,000

// A list of extents as runs, in its order.
std::vector<ExtentRun> extent_runs(const std::vector<uint32_t>& extents);

// `count` extents of `free`, which ascends, as runs, lowest first: of at most `most` runs, so that
// where space is in small pieces the smaller ones are left out. Fewer than `count` where there are
// no more.
std::vector<ExtentRun> choose_extents(const std::vector<ExtentRun>& free, uint32_t count,
                                      size_t most);

constexpr uint32_t kTidsPerPage = kPagePayload / sizeof(Tid);  // 1,360
constexpr uint32_t kTombstonesPerPage = kPagePayload * 8;      // 65,280

struct SegmentShape {
  uint32_t id;
  uint32_t dimensions;
  Metric metric;
  uint16_t m;
  uint16_t ef_construction;
  uint32_t rows;
  uint32_t entry_points;
  OwnVector own = OwnVector::kChosen;
  uint32_t merges = 0;
  uint32_t first_page = 0;
};

// The header of a segment of that shape: page ranges and counts follow from it. Throws
// LimitError where the pages outnumber block numbers or a neighbour list a page.
SegmentHeader plan_segment(const SegmentShape& shape);

inline EntryTree entry_tree(const SegmentHeader& header) {
  return EntryTree(header.entry_points, header.degree);
}

inline NodeLayout node_layout(const SegmentHeader& header) {
  return make_node_layout({header.dimensions, header.degree, header.code_bytes, header.own});
}

}  // namespace vseg

#endif  // VSEG_ENGINE_FORMAT_SEGMENT_FORMAT_H_
