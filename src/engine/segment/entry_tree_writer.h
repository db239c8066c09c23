// Writes a segment's entry tree.
#ifndef VSEG_ENGINE_SEGMENT_ENTRY_TREE_WRITER_H_
#define VSEG_ENGINE_SEGMENT_ENTRY_TREE_WRITER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "engine/common/types.h"
#include "engine/format/segment_format.h"
#include "engine/pages/page_source.h"
#include "engine/quantizer/edge_codes.h"
#include "engine/quantizer/rotation.h"
#include "engine/segment/node_writer.h"
#include "engine/segment/segment_writer.h"

namespace vseg {

// The vectors of the entry blocks: means of the entry points below them, whose vectors come by
// while the nodes are written. Divided before they are added, huge elements do not overflow.
class EntryMeans {
 public:
  EntryMeans(const SegmentHeader& header, const std::vector<Ordinal>& entry_points);

  // REQUIRES: ordinals in ascending order.
  void see(Ordinal ordinal, const float* vector);

  // The means of all blocks, one after the other. REQUIRES: every entry point has been seen, and
  // this has not been called yet.
  std::vector<float> means();

 private:
  struct Point {
    Ordinal ordinal;
    uint32_t block;
  };

  float* mean_of(uint32_t block) { return means_.data() + size_t{block} * dimensions_; }
  void add(const float* vector, uint32_t points, uint32_t block);
  void add_children(uint32_t level);

  uint32_t dimensions_;
  EntryTree tree_;
  std::vector<float> means_;      // of the points below each block
  std::vector<uint32_t> points_;  // how many they are
  std::vector<Point> waiting_;    // not seen yet, the next one last
};

class EntryTreeWriter {
 public:
  // `means` are EntryMeans'.
  EntryTreeWriter(const SegmentParts& parts, std::vector<float> means, PageSink& sink);

  void write();

 private:
  const float* mean(uint32_t block) const {
    return means_.data() + size_t{block} * parts_.header.dimensions;
  }
  void put_inner(uint32_t block, const EntryLevel& children);
  void put_last(uint32_t block, const EntryLevel& points);
  void start_codes(uint32_t block);

  const SegmentParts& parts_;
  const std::vector<float> means_;  // of the blocks
  const Rotation rotation_;
  std::optional<EdgeEncoder> encoder_;  // none: the segment has no codes
  std::vector<float> own_, neighbor_;   // rotated
  std::vector<std::byte> codes_;        // of the block being written
  NodeWriter writer_;
};

}  // namespace vseg

#endif  // VSEG_ENGINE_SEGMENT_ENTRY_TREE_WRITER_H_
