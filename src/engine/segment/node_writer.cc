#include "engine/segment/node_writer.h"

#include <algorithm>
#include <cstring>

#include "engine/quantizer/split_vector.h"

#include "engine/common/engine_only.h"

namespace vseg {

NodeWriter::NodeWriter(const SegmentHeader& header, PageKind kind, PageSink& sink)
    : kind_(kind),
      sink_(sink),
      layout_(node_layout(header)),
      capacity_(std::max(layout_.nodes_per_page, 1u) * size_t{layout_.node_bytes}),
      buffer_(capacity_) {}

void NodeWriter::put(const Node& node) {
  std::byte* block = buffer_.data() + used_;
  NodeHeader header{node.ordinal, static_cast<uint16_t>(node.count), 0};
  std::memcpy(block, &header, sizeof(header));
  auto* list = reinterpret_cast<Ordinal*>(block + layout_.neighbors_offset);
  std::copy(node.neighbors, node.neighbors + node.count, list);
  std::fill(list + node.count, list + layout_.degree, kNoOrdinal);
  if (layout_.code_bytes != 0) {
    std::memcpy(block + layout_.code_offset, node.codes, layout_.code_bytes);
  }
  put_own_vector(node.vector, block + layout_.vector_offset);
  used_ += layout_.node_bytes;
  if (used_ == capacity_) {
    flush();
  }
}

void NodeWriter::flush() {
  for (size_t at = 0; at < used_; at += kPagePayload) {
    sink_.write(kind_, buffer_.data() + at, std::min<size_t>(kPagePayload, used_ - at));
  }
  used_ = 0;
}

void NodeWriter::put_own_vector(const float* vector, std::byte* to) {
  const size_t n = layout_.dimensions;
  if (layout_.own == OwnVector::kFloat4) {
    std::memcpy(to, vector, n * sizeof(float));
    return;
  }
  remainder_.resize(n);
  const SplitScale scale = split_vector(
      vector, n, reinterpret_cast<uint8_t*>(to + sizeof(SplitScale)), remainder_.data());
  std::memcpy(to, &scale, sizeof(scale));
}

}  // namespace vseg
