// Writes node blocks of one kind, gathered into pages or cut into pages.
#ifndef VSEG_ENGINE_SEGMENT_NODE_WRITER_H_
#define VSEG_ENGINE_SEGMENT_NODE_WRITER_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/common/types.h"
#include "engine/format/segment_format.h"
#include "engine/pages/page_source.h"

namespace vseg {

class NodeWriter {
 public:
  NodeWriter(const SegmentHeader& header, PageKind kind, PageSink& sink);

  struct Node {
    Ordinal ordinal;
    const Ordinal* neighbors;
    uint32_t count;
    const float* vector;
    const std::byte* codes;  // where there are any
  };

  void put(const Node& node);

  // The second part of the row last put, where own vectors are split.
  const std::vector<uint16_t>& remainder() const { return remainder_; }

  // Writes the last page. To be called once all nodes are put.
  void flush();

 private:
  void put_own_vector(const float* vector, std::byte* to);

  PageKind kind_;
  PageSink& sink_;
  NodeLayout layout_;
  size_t capacity_;  // node blocks of one page, or one node block of several pages
  std::vector<std::byte> buffer_;
  size_t used_ = 0;
  std::vector<uint16_t> remainder_;
};

}  // namespace vseg

#endif  // VSEG_ENGINE_SEGMENT_NODE_WRITER_H_
