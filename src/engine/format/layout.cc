#include <stdexcept>

#include "engine/format/append_format.h"
#include "engine/format/metapage.h"
#include "engine/format/segment_format.h"
#include "engine/quantizer/edge_codes.h"

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
  return layout.nodes_per_page != 0 ? ceil_div(rows, layout.nodes_per_page)
                                    : PageCount{rows} * layout.pages_per_node;
}

// Pages of extent list that a segment of `body` other pages needs: the list counts itself.
PageCount extent_list_pages(PageCount body) {
  PageCount pages = 0;
  for (;;) {
    PageCount extents = ceil_div(1 + pages + body, kExtentPages);
    PageCount needed =
        extents > kInlineExtents ? ceil_div(extents - kInlineExtents, kExtentsPerListPage) : 0;
    if (needed <= pages) {
      return pages;
    }
    pages = needed;
  }
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

NodeLayout make_node_layout(uint32_t dimensions, uint32_t degree, uint32_t code_bytes) {
  NodeLayout layout{};
  layout.dimensions = dimensions;
  layout.degree = degree;
  layout.code_bytes = code_bytes;
  layout.neighbors_offset = sizeof(NodeHeader);
  layout.code_offset = layout.neighbors_offset + degree * sizeof(Ordinal);
  layout.vector_offset = layout.code_offset + code_bytes;
  layout.node_bytes = layout.vector_offset + dimensions * sizeof(float);
  layout.nodes_per_page = kPagePayload / layout.node_bytes;
  layout.pages_per_node = static_cast<uint32_t>(ceil_div(layout.node_bytes, kPagePayload));
  return layout;
}

// Reading a second page for the codes would cost what they save.
uint32_t code_area_bytes(Metric metric, uint32_t dimensions, uint32_t degree) {
  if (!has_edge_codes(metric)) {
    return 0;
  }
  auto bytes = static_cast<uint32_t>(edge_code_bytes(dimensions, degree));
  return make_node_layout(dimensions, degree, bytes).nodes_per_page != 0 ? bytes : 0;
}

SegmentHeader plan_segment(const SegmentShape& shape) {
  if (shape.m == 0 || layer0_degree(shape.m) > kMaxDegree) {
    throw std::length_error("the neighbour list of a node is empty or does not fit into a page");
  }
  SegmentHeader header{};
  header.id = shape.id;
  header.dimensions = shape.dimensions;
  header.metric = shape.metric;
  header.element = 1;
  header.m = shape.m;
  header.ef_construction = shape.ef_construction;
  header.degree = static_cast<uint16_t>(layer0_degree(shape.m));
  header.rows = shape.rows;
  header.entry_points = shape.entry_points;

  header.code_bytes = code_area_bytes(shape.metric, shape.dimensions, header.degree);
  NodeLayout layout = node_layout(header);
  PageCount nodes = node_pages(layout, shape.rows);
  PageCount tids = ceil_div(shape.rows, kTidsPerPage);
  PageCount tombstones = ceil_div(shape.rows, kTombstonesPerPage);
  PageCount entries = node_pages(layout, entry_blocks(header));
  PageCount body = nodes + tids + tombstones + entries;
  PageCount extent_list = extent_list_pages(body);
  if (1 + extent_list + body > kMaxSegmentPages) {
    throw std::length_error("a segment of this many rows has more pages than block numbers");
  }
  PageCount next = 1;
  header.extent_list = place(&next, extent_list);
  header.nodes = place(&next, nodes);
  header.tids = place(&next, tids);
  header.tombstones = place(&next, tombstones);
  header.entries = place(&next, entries);
  header.pages = static_cast<uint32_t>(next);
  header.extents = static_cast<uint32_t>(ceil_div(next, kExtentPages));
  return header;
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
