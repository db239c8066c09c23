// Reads a graph segment's pages through a PageSource, checking every number before it is used.
#ifndef VSEG_ENGINE_SEGMENT_SEGMENT_READER_H_
#define VSEG_ENGINE_SEGMENT_SEGMENT_READER_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/common/types.h"
#include "engine/format/metapage_format.h"
#include "engine/format/segment_format.h"
#include "engine/pages/page_source.h"

namespace vseg {

// A node block in place (or in the reader's scratch buffers, where it spans pages or is split);
// valid until the next call on the reader.
struct NodeView {
  const Ordinal* neighbors;
  uint32_t neighbor_count;
  const std::byte* codes;  // of the neighbours; meaningless where header().code_bytes is 0
  const float* vector;     // the row's own; approximate where header().own is kSplit
};

class SegmentReader {
 public:
  // Reads the header and the extents of the directory's graph segment `entry`.
  // Throws CorruptIndexError where they do not fit each other or `dimensions`.
  SegmentReader(PageSource& pages, const DirectoryEntry& entry, uint32_t dimensions);

  const SegmentHeader& header() const { return header_; }
  uint32_t rows() const { return header_.rows; }
  std::vector<uint32_t> extents() const;  // in the order of their pages

  // All of these: REQUIRES: ordinal < rows(). Throw CorruptIndexError. Neighbours are < rows().
  NodeView node(Ordinal ordinal);

  // Half a node each: the row's own vector, exact (valid until the next call on the reader), and
  // its neighbours, which replace what `neighbors` held. `neighbors` costs one page always.
  const float* vector(Ordinal ordinal);
  void neighbors(Ordinal ordinal, std::vector<Ordinal>* neighbors);

  // The row's own vector as node() shows it, without its neighbours.
  const float* node_vector(Ordinal ordinal);

  Tid tid(Ordinal ordinal);
  void prefetch_node(Ordinal ordinal) { prefetch(row(ordinal)); }
  void prefetch_vector(Ordinal ordinal);  // what vector() reads
  void prefetch_node_vector(Ordinal ordinal);
  void prefetch_remainder(Ordinal ordinal);  // what vector() reads beside the node

  // Where a walk starts: a tree of node blocks that belong to no row. Its last level leads to rows,
  // the others to the numbers of blocks of the next. It has a level at least where rows() > 0.
  // REQUIRES: `block` is of this level.
  const EntryTree& entry_tree() const { return entry_tree_; }
  NodeView entry_block(uint32_t level, uint32_t block);
  void prefetch_entry_block(uint32_t block) {
    prefetch({PageKind::kEntryPoints, block, kNoOrdinal});
  }

  // Block of a logical page of this segment; REQUIRES: logical < header().pages.
  BlockNo block(uint32_t logical) const {
    const uint32_t page = header_.first_page + logical;
    const uint32_t extent = page >> kExtentShift;
    const PlacedRun& run = extent < runs_[0].end ? runs_[0] : run_of(extent);
    return (extent + run.shift) * kExtentPages + (page & kExtentMask);
  }

 private:
  struct NodePlace {
    uint32_t logical;  // the node's first page
    uint32_t offset;   // in that page
  };

  void read_header(const DirectoryEntry& entry, uint32_t dimensions);
  bool take_runs(const std::byte* bytes);

  // Of the segment's extents, those up to `end` that no run before has: `shift`, modulo 2^32, is
  // what their numbers are higher by than their places in the segment.
  struct PlacedRun {
    uint32_t end;
    uint32_t shift;
  };
  const PlacedRun& run_of(uint32_t extent) const;

  // Which node block: that of a row, or an entry block.
  struct NodeId {
    PageKind kind;
    uint32_t index;   // among those of its kind
    Ordinal ordinal;  // as its header must say
  };
  static NodeId row(Ordinal ordinal) { return {PageKind::kNodes, ordinal, ordinal}; }

  NodePlace place(const NodeId& id) const;
  void prefetch(const NodeId& id);
  NodePlace remainder_place(Ordinal ordinal) const;
  const std::byte* pin(uint32_t logical, PageKind kind);
  const std::byte* pin_node(const NodeId& id);
  const std::byte* whole_node(const NodeId& id);
  void read_across_pages(NodePlace from, PageKind kind, uint32_t bytes, std::byte* to);
  const float* approximate_vector(const std::byte* own);
  const float* split_vector(Ordinal ordinal);
  NodeView view(const NodeId& id);
  void check_neighbors(const NodeId& id, const Ordinal* neighbors, uint32_t count) const;
  void check_children(uint32_t level, const NodeId& id, const NodeView& block) const;

  PageSource& pages_;
  BlockNo header_block_;
  SegmentHeader header_;
  NodeLayout layout_;
  EntryTree entry_tree_{0, 2};
  std::vector<PlacedRun> runs_;
  std::vector<std::byte> scratch_;  // one spanning node block
  std::vector<std::byte> parts_;    // both parts of a split vector
  std::vector<float> joined_;       // a split vector
};

}  // namespace vseg

#endif  // VSEG_ENGINE_SEGMENT_SEGMENT_READER_H_
