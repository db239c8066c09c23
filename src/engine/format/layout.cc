#include <algorithm>

#include "engine/common/errors.h"
#include "engine/format/append_format.h"
#include "engine/format/metapage_format.h"
#include "engine/format/segment_format.h"
#include "engine/quantizer/edge_codes.h"
#include "engine/quantizer/split_vector.h"

#include "engine/common/engine_only.h"

namespace vseg {
namespace {

// Pages are counted in 64 bits: rows of several pages each can outgrow a block number.
using PageCount = uint64_t;

// The last extent ends with block 0xFFFFFFBF, well below kNoBlock.
constexpr PageCount kMaxSegmentPages = 0xFFFFFFC0;

// A node's header and neighbours are read from one page, even where its vector spans several.
constexpr uint32_t kMaxDegree = (kPagePayload - sizeof(NodeHeader)) / sizeof(Ordinal);

PageCount ceil_div(PageCount a, PageCount b) { return a / b + (a % b != 0); }

PageRange place(PageCount* next, PageCount count) {
  PageRange range{static_cast<uint32_t>(*next), static_cast<uint32_t>(count)};
  *next += count;
  return range;
}

PageCount node_pages(const NodeLayout& layout, uint32_t rows) {
  return ceil_div(rows, layout.rows_per_group) * layout.pages_per_group;
}

PageCount entry_pages(const NodeLayout& layout, uint32_t blocks) {
  return layout.nodes_per_page != 0 ? ceil_div(blocks, layout.nodes_per_page)
                                    : PageCount{blocks} * layout.pages_per_node;
}

uint32_t own_vector_bytes(const NodeShape& shape) {
  return shape.own == OwnVector::kSplit
             ? static_cast<uint32_t>(sizeof(SplitScale)) + shape.dimensions
             : shape.dimensions * static_cast<uint32_t>(sizeof(float));
}

// As many pages of nodes, and of remainders, as both fill without a rest.
void group_nodes(NodeLayout* layout) {
  const uint32_t nodes = std::max(layout->nodes_per_page, 1u);
  if (layout->own == OwnVector::kFloat4) {
    layout->rows_per_group = nodes;
    layout->node_pages_per_group = layout->pages_per_node;
    layout->pages_per_group = layout->pages_per_node;
    return;
  }
  layout->remainder_bytes = layout->dimensions * static_cast<uint32_t>(sizeof(uint16_t));
  layout->remainders_per_page = kPagePayload / layout->remainder_bytes;
  const uint32_t remainders = std::max(layout->remainders_per_page, 1u);
  const auto remainder_pages =
      static_cast<uint32_t>(ceil_div(layout->remainder_bytes, kPagePayload));
  layout->rows_per_group = nodes * remainders;
  layout->node_pages_per_group = remainders * layout->pages_per_node;
  layout->pages_per_group = layout->node_pages_per_group + nodes * remainder_pages;
}

// Pages of `count` items, of which a page holds `per_page`, or each of which takes `pages_each`.
uint32_t pages_of_items(uint32_t count, uint32_t per_page, uint32_t pages_each) {
  return per_page != 0 ? static_cast<uint32_t>(ceil_div(count, per_page)) : count * pages_each;
}

uint32_t vector_pages(const AppendLayout& layout, uint32_t rows) {
  return pages_of_items(rows, layout.vectors_per_page, layout.pages_per_vector);
}

// Short rows have no codes: many share a page, and comparing the few that codes leave reads most
// pages all the same. With codes 16 times smaller a search of 10,000 rows reads half of the pages
// (96 dimensions); with codes 8 times smaller (50 dimensions) it would read more than all.
uint32_t group_code_bytes(uint32_t dimensions) {
  constexpr uint32_t kSmallerBy = 16;
  const auto bytes = static_cast<uint32_t>(edge_code_bytes(dimensions, kAppendGroupRows));
  const uint32_t vectors = kAppendGroupRows * dimensions * static_cast<uint32_t>(sizeof(float));
  return bytes * kSmallerBy <= vectors ? bytes : 0;
}

// Places an entry page's parts for `capacity` rows; returns where they end.
uint32_t place_entries(AppendLayout* layout, uint32_t capacity) {
  layout->capacity = capacity;
  layout->max_vector_pages = vector_pages(*layout, capacity);
  layout->max_code_pages = code_pages(*layout, capacity / kAppendGroupRows);
  layout->entries_offset = sizeof(AppendEntriesHeader);
  layout->code_blocks_offset = layout->entries_offset + capacity * sizeof(AppendEntry);
  layout->blocks_offset = layout->code_blocks_offset + layout->max_code_pages * sizeof(BlockNo);
  return layout->blocks_offset + layout->max_vector_pages * sizeof(BlockNo);
}

}  // namespace

NodeLayout make_node_layout(const NodeShape& shape) {
  NodeLayout layout{};
  layout.dimensions = shape.dimensions;
  layout.degree = shape.degree;
  layout.code_bytes = shape.code_bytes;
  layout.own = shape.own;
  layout.neighbors_offset = sizeof(NodeHeader);
  layout.code_offset = layout.neighbors_offset + shape.degree * sizeof(Ordinal);
  layout.vector_offset = layout.code_offset + shape.code_bytes;
  layout.node_bytes = layout.vector_offset + own_vector_bytes(shape);
  layout.nodes_per_page = kPagePayload / layout.node_bytes;
  layout.pages_per_node = static_cast<uint32_t>(ceil_div(layout.node_bytes, kPagePayload));
  group_nodes(&layout);
  return layout;
}

NodeShape choose_node_shape(Metric metric, uint32_t dimensions, uint32_t degree) {
  NodeShape shape{dimensions, degree, 0};
  if (!has_edge_codes(metric)) {
    return shape;
  }
  shape.code_bytes = static_cast<uint32_t>(edge_code_bytes(dimensions, degree));
  NodeShape split = shape;
  split.own = OwnVector::kSplit;
  const bool fewer_pages =
      make_node_layout(split).pages_per_node < make_node_layout(shape).pages_per_node;
  return fewer_pages ? split : shape;
}

SegmentHeader plan_segment(const SegmentShape& shape) {
  if (shape.m == 0 || layer0_degree(shape.m) > kMaxDegree) {
    throw LimitError("the neighbour list of a node is empty or does not fit into a page");
  }
  SegmentHeader header{};
  header.id = shape.id;
  header.dimensions = shape.dimensions;
  header.metric = shape.metric;
  header.m = shape.m;
  header.ef_construction = shape.ef_construction;
  header.degree = static_cast<uint16_t>(layer0_degree(shape.m));
  header.rows = shape.rows;
  header.entry_points = shape.entry_points;
  header.merges = shape.merges;

  const NodeShape chosen = choose_node_shape(shape.metric, shape.dimensions, header.degree);
  header.code_bytes = chosen.code_bytes;
  header.own = shape.own == OwnVector::kChosen ? chosen.own : shape.own;
  NodeLayout layout = node_layout(header);
  PageCount nodes = node_pages(layout, shape.rows);
  PageCount tids = ceil_div(shape.rows, kTidsPerPage);
  PageCount tombstones = ceil_div(shape.rows, kTombstonesPerPage);
  PageCount entries = entry_pages(layout, entry_tree(header).blocks());
  if (shape.first_page + 1 + nodes + tids + tombstones + entries > kMaxSegmentPages) {
    throw LimitError("a segment of this many rows has more pages than block numbers");
  }
  PageCount next = 1;
  header.nodes = place(&next, nodes);
  header.tids = place(&next, tids);
  header.tombstones = place(&next, tombstones);
  header.entries = place(&next, entries);
  header.pages = static_cast<uint32_t>(next);
  header.first_page = shape.first_page;
  header.extents = static_cast<uint32_t>(ceil_div(shape.first_page + next, kExtentPages));
  return header;
}

std::vector<ExtentRun> extent_runs(const std::vector<uint32_t>& extents) {
  std::vector<ExtentRun> runs;
  for (uint32_t extent : extents) {
    if (!runs.empty() && runs.back().first + runs.back().extents == extent) {
      runs.back().extents++;
    } else {
      runs.push_back({extent, 1});
    }
  }
  return runs;
}

std::vector<ExtentRun> choose_extents(const std::vector<ExtentRun>& free, uint32_t count,
                                      size_t most) {
  for (uint32_t shortest = 1;; shortest *= 2) {
    std::vector<ExtentRun> chosen;
    uint32_t left = count;
    for (const ExtentRun& run : free) {
      // A short rest ends in the middle of a run.
      if (left > 0 && run.extents >= std::min(shortest, left)) {
        chosen.push_back({run.first, std::min(run.extents, left)});
        left -= chosen.back().extents;
      }
    }
    if (chosen.size() <= most) {
      return chosen;
    }
  }
}

AppendLayout make_append_layout(uint32_t dimensions) {
  AppendLayout layout{};
  layout.vector_bytes = dimensions * sizeof(float);
  layout.vectors_per_page = kPagePayload / layout.vector_bytes;
  layout.pages_per_vector = static_cast<uint32_t>(ceil_div(layout.vector_bytes, kPagePayload));
  layout.centroid_pages = layout.pages_per_vector;
  layout.group_bytes = group_code_bytes(dimensions);
  if (layout.group_bytes != 0) {
    layout.groups_per_page = kPagePayload / layout.group_bytes;
    layout.pages_per_group = static_cast<uint32_t>(ceil_div(layout.group_bytes, kPagePayload));
  }
  uint32_t capacity = kPagePayload / sizeof(AppendEntry) / kAppendGroupRows * kAppendGroupRows;
  while (place_entries(&layout, capacity) > kPagePayload) {
    capacity -= kAppendGroupRows;
  }
  return layout;
}

uint32_t code_pages(const AppendLayout& layout, uint32_t groups) {
  return pages_of_items(groups, layout.groups_per_page, layout.pages_per_group);
}

bool is_possible(const AppendEntriesHeader& header, const AppendLayout& layout) {
  return header.rows <= layout.capacity && header.vector_pages <= layout.max_vector_pages &&
         header.vector_pages >= vector_pages(layout, header.rows) &&
         header.coded_groups <= header.rows / kAppendGroupRows &&
         (header.coded_groups == 0 ||
          (layout.group_bytes != 0 && header.centroid != kMetapageBlock &&
           header.centroid != kNoBlock));
}

}  // namespace vseg
