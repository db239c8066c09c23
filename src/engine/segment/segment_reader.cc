#include "engine/segment/segment_reader.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "engine/common/errors.h"
#include "engine/quantizer/split_vector.h"

#include "engine/common/engine_only.h"

namespace vseg {
namespace {

// Extents whose blocks all have numbers.
constexpr uint32_t kExtentLimit = 1u << (32 - kExtentShift);

SegmentShape shape_of(const SegmentHeader& header) {
  return {header.id,   header.dimensions,   header.metric, header.m,      header.ef_construction,
          header.rows, header.entry_points, header.own,    header.merges, header.first_page};
}

// Everything in a header before `runs` follows from the shape.
bool follows_from_shape(const SegmentHeader& header) {
  try {
    SegmentHeader planned = plan_segment(shape_of(header));
    return std::memcmp(&planned, &header, offsetof(SegmentHeader, runs)) == 0;
  } catch (const LimitError&) {
    return false;
  }
}

bool known_own_vector(OwnVector own) {
  return own == OwnVector::kFloat4 || own == OwnVector::kSplit;
}

bool known_metric(Metric metric) {
  auto value = static_cast<uint8_t>(metric);
  return value >= static_cast<uint8_t>(Metric::kL2) && value <= static_cast<uint8_t>(Metric::kL1);
}

}  // namespace

SegmentReader::SegmentReader(PageSource& pages, const DirectoryEntry& entry, uint32_t dimensions)
    : pages_(pages), header_block_(entry.header_block), header_{}, layout_{} {
  read_header(entry, dimensions);
  layout_ = node_layout(header_);
  entry_tree_ = vseg::entry_tree(header_);
  if (layout_.nodes_per_page == 0) {
    scratch_.resize(size_t{layout_.pages_per_node} * kPagePayload);
  }
  if (layout_.own == OwnVector::kSplit) {
    parts_.resize(sizeof(SplitScale) + layout_.dimensions + layout_.remainder_bytes);
    joined_.resize(layout_.dimensions);
  }
}

void SegmentReader::read_header(const DirectoryEntry& entry, uint32_t dimensions) {
  auto corrupt = [&](const char* what) { throw CorruptIndexError(header_block_, what); };
  const std::byte* page = pages_.pin(header_block_, {PageKind::kSegmentHeader, entry.id});
  std::memcpy(&header_, page, sizeof(header_));
  if (header_.id != entry.id) {
    corrupt("segment header has another segment's number");
  }
  if (header_.dimensions != dimensions || dimensions == 0 || dimensions > kMaxDimensions) {
    corrupt("segment header has a wrong number of dimensions");
  }
  if (!known_metric(header_.metric)) {
    corrupt("segment header has an unknown metric");
  }
  if (!known_own_vector(header_.own)) {
    corrupt("segment header has an unknown form of vectors");
  }
  if (header_.rows != entry.rows || header_.extents != entry.extents) {
    corrupt("segment header and directory disagree about the segment's size");
  }
  if (header_.entry_points > header_.rows || (header_.entry_points == 0) != (header_.rows == 0)) {
    corrupt("segment header has an impossible number of entry points");
  }
  if (header_.first_page >= kExtentPages || !follows_from_shape(header_)) {
    corrupt("segment header is inconsistent");
  }
  if (header_.runs > kMaxExtentRuns || !take_runs(page + sizeof(SegmentHeader))) {
    corrupt("segment has impossible extents");
  }
  if (block(0) != header_block_) {
    corrupt("segment header is not on its segment's first page");
  }
}

// False where they are not those of the segment. Extent 0 is the metapage's: one segment may begin
// there, behind the first pages.
bool SegmentReader::take_runs(const std::byte* bytes) {
  runs_.reserve(header_.runs);
  uint32_t extents = 0;
  for (uint32_t i = 0; i < header_.runs; i++) {
    ExtentRun run;
    std::memcpy(&run, bytes + i * sizeof(run), sizeof(run));
    const bool is_possible = run.extents > 0 && run.extents <= header_.extents - extents &&
                             run.first < kExtentLimit && run.extents <= kExtentLimit - run.first &&
                             (run.first > 0 || (i == 0 && header_.first_page > kFirstChainBlock));
    if (!is_possible) {
      return false;
    }
    runs_.push_back({extents + run.extents, run.first - extents});
    extents += run.extents;
  }
  return extents == header_.extents;
}

// One run in most segments, a few in others.
const SegmentReader::PlacedRun& SegmentReader::run_of(uint32_t extent) const {
  return *std::upper_bound(runs_.begin(), runs_.end(), extent,
                           [](uint32_t e, const PlacedRun& run) { return e < run.end; });
}

std::vector<uint32_t> SegmentReader::extents() const {
  std::vector<uint32_t> extents;
  extents.reserve(header_.extents);
  for (uint32_t i = 0; i < header_.extents; i++) {
    extents.push_back(run_of(i).shift + i);
  }
  return extents;
}

SegmentReader::NodePlace SegmentReader::place(const NodeId& id) const {
  uint32_t first = header_.entries.first, index = id.index;
  if (id.kind == PageKind::kNodes) {
    first = header_.nodes.first + index / layout_.rows_per_group * layout_.pages_per_group;
    index %= layout_.rows_per_group;
  }
  if (layout_.nodes_per_page == 0) {
    return {first + index * layout_.pages_per_node, 0};
  }
  return {first + index / layout_.nodes_per_page,
          index % layout_.nodes_per_page * layout_.node_bytes};
}

SegmentReader::NodePlace SegmentReader::remainder_place(Ordinal ordinal) const {
  const uint32_t group = ordinal / layout_.rows_per_group, i = ordinal % layout_.rows_per_group;
  const uint32_t first =
      header_.nodes.first + group * layout_.pages_per_group + layout_.node_pages_per_group;
  if (layout_.remainders_per_page == 0) {
    return {first, 0};  // a group is one row
  }
  return {first + i / layout_.remainders_per_page,
          i % layout_.remainders_per_page * layout_.remainder_bytes};
}

const std::byte* SegmentReader::pin(uint32_t logical, PageKind kind) {
  return pages_.pin(block(logical), {kind, header_.id});
}

// Start of the node's block, checked; its vector may go on in the next pages.
const std::byte* SegmentReader::pin_node(const NodeId& id) {
  NodePlace where = place(id);
  const std::byte* bytes = pin(where.logical, id.kind) + where.offset;
  NodeHeader node;
  std::memcpy(&node, bytes, sizeof(node));
  if (node.ordinal != id.ordinal) {
    throw CorruptIndexError(block(where.logical), "node block belongs to another row");
  }
  if (node.neighbors > layout_.degree) {
    throw CorruptIndexError(block(where.logical), "node block has too many neighbors");
  }
  return bytes;
}

// The whole block, in place or assembled.
const std::byte* SegmentReader::whole_node(const NodeId& id) {
  const std::byte* bytes = pin_node(id);
  if (layout_.nodes_per_page != 0) {
    return bytes;
  }
  read_across_pages(place(id), id.kind, layout_.node_bytes, scratch_.data());
  return scratch_.data();
}

// Bytes that begin at `from` and run on from payload to payload.
void SegmentReader::read_across_pages(NodePlace from, PageKind kind, uint32_t bytes,
                                      std::byte* to) {
  while (bytes > 0) {
    const uint32_t here = std::min(bytes, kPagePayload - from.offset);
    std::memcpy(to, pin(from.logical, kind) + from.offset, here);
    to += here;
    bytes -= here;
    from = {from.logical + 1, 0};
  }
}

// `own` is where the block has its own vector.
const float* SegmentReader::approximate_vector(const std::byte* own) {
  SplitScale scale;
  std::memcpy(&scale, own, sizeof(scale));
  join_bytes(scale, reinterpret_cast<const uint8_t*>(own + sizeof(scale)), layout_.dimensions,
             joined_.data());
  return joined_.data();
}

const float* SegmentReader::split_vector(Ordinal ordinal) {
  const size_t first_bytes = sizeof(SplitScale) + layout_.dimensions;
  std::byte* first = parts_.data() + layout_.remainder_bytes;  // behind what must be aligned
  std::memcpy(first, whole_node(row(ordinal)) + layout_.vector_offset, first_bytes);
  read_across_pages(remainder_place(ordinal), PageKind::kRemainders, layout_.remainder_bytes,
                    parts_.data());
  SplitScale scale;
  std::memcpy(&scale, first, sizeof(scale));
  join_vector(scale, reinterpret_cast<const uint8_t*>(first + sizeof(scale)),
              reinterpret_cast<const uint16_t*>(parts_.data()), layout_.dimensions, joined_.data());
  return joined_.data();
}

void SegmentReader::check_neighbors(const NodeId& id, const Ordinal* neighbors,
                                    uint32_t count) const {
  Ordinal highest = 0;
  for (uint32_t i = 0; i < count; i++) {
    highest = std::max(highest, neighbors[i]);
  }
  if (highest >= header_.rows) {
    throw CorruptIndexError(block(place(id).logical), "node block has an impossible neighbor");
  }
}

NodeView SegmentReader::view(const NodeId& id) {
  const std::byte* bytes = whole_node(id);
  NodeHeader node;
  std::memcpy(&node, bytes, sizeof(node));
  NodeView view;
  view.neighbors = reinterpret_cast<const Ordinal*>(bytes + layout_.neighbors_offset);
  view.neighbor_count = node.neighbors;
  view.codes = bytes + layout_.code_offset;
  const std::byte* own = bytes + layout_.vector_offset;
  view.vector = layout_.own == OwnVector::kSplit ? approximate_vector(own)
                                                 : reinterpret_cast<const float*>(own);
  return view;
}

NodeView SegmentReader::node(Ordinal ordinal) {
  const NodeId id = row(ordinal);
  const NodeView node = view(id);
  check_neighbors(id, node.neighbors, node.neighbor_count);
  return node;
}

NodeView SegmentReader::entry_block(uint32_t level, uint32_t block) {
  const NodeId id{PageKind::kEntryPoints, block, kNoOrdinal};
  const NodeView entry = view(id);
  if (level + 1 == entry_tree_.levels()) {
    check_neighbors(id, entry.neighbors, entry.neighbor_count);
  } else {
    check_children(level, id, entry);
  }
  return entry;
}

// Which they are follows from the block's number.
void SegmentReader::check_children(uint32_t level, const NodeId& id, const NodeView& entry) const {
  const EntryLevel children = entry_tree_.children(level, id.index);
  bool right = entry.neighbor_count == children.count;
  for (uint32_t i = 0; right && i < children.count; i++) {
    right = entry.neighbors[i] == children.first + i;
  }
  if (!right) {
    throw CorruptIndexError(block(place(id).logical), "entry block has other blocks below it");
  }
}

const float* SegmentReader::vector(Ordinal ordinal) {
  if (layout_.own == OwnVector::kSplit) {
    return split_vector(ordinal);
  }
  return reinterpret_cast<const float*>(whole_node(row(ordinal)) + layout_.vector_offset);
}

const float* SegmentReader::node_vector(Ordinal ordinal) {
  const std::byte* own = whole_node(row(ordinal)) + layout_.vector_offset;
  return layout_.own == OwnVector::kSplit ? approximate_vector(own)
                                          : reinterpret_cast<const float*>(own);
}

void SegmentReader::neighbors(Ordinal ordinal, std::vector<Ordinal>* neighbors) {
  const NodeId id = row(ordinal);
  const std::byte* bytes = pin_node(id);
  NodeHeader node;
  std::memcpy(&node, bytes, sizeof(node));
  neighbors->resize(node.neighbors);
  std::memcpy(neighbors->data(), bytes + layout_.neighbors_offset,
              node.neighbors * sizeof(Ordinal));
  check_neighbors(id, neighbors->data(), node.neighbors);
}

Tid SegmentReader::tid(Ordinal ordinal) {
  uint32_t logical = header_.tids.first + ordinal / kTidsPerPage;
  Tid tid;
  std::memcpy(&tid, pin(logical, PageKind::kTids) + ordinal % kTidsPerPage * sizeof(Tid),
              sizeof(tid));
  if (tid.offset == 0) {
    throw CorruptIndexError(block(logical), "segment has an invalid heap address");
  }
  return tid;
}

void SegmentReader::prefetch(const NodeId& id) {
  NodePlace where = place(id);
  if (layout_.pages_per_node == 1) {
    pages_.prefetch(block(where.logical), where.offset, layout_.node_bytes);
    return;
  }
  for (uint32_t i = 0; i < layout_.pages_per_node; i++) {
    pages_.prefetch(block(where.logical + i), 0, kPagePayload);
  }
}

void SegmentReader::prefetch_vector(Ordinal ordinal) {
  prefetch_node_vector(ordinal);
  prefetch_remainder(ordinal);
}

void SegmentReader::prefetch_node_vector(Ordinal ordinal) {
  if (layout_.pages_per_node > 1) {
    prefetch_node(ordinal);
    return;
  }
  const NodePlace where = place(row(ordinal));
  pages_.prefetch(block(where.logical), where.offset + layout_.vector_offset,
                  layout_.node_bytes - layout_.vector_offset);
}

void SegmentReader::prefetch_remainder(Ordinal ordinal) {
  if (layout_.own == OwnVector::kSplit) {
    const NodePlace where = remainder_place(ordinal);
    pages_.prefetch(block(where.logical), where.offset,
                    std::min(layout_.remainder_bytes, kPagePayload - where.offset));
  }
}

}  // namespace vseg
