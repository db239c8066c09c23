// The array that holds a graph's neighbour lists.
#ifndef VSEG_ENGINE_GRAPH_NEIGHBOR_SLOTS_H_
#define VSEG_ENGINE_GRAPH_NEIGHBOR_SLOTS_H_

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "engine/common/types.h"

namespace vseg {

// An array of ordinals that can take over FAISS's array of signed ones as it is: copying it would
// need the memory of all lists twice. FAISS's -1 is kNoOrdinal bit for bit, and the signed and the
// unsigned type may alias each other.
class NeighborSlots {
 public:
  NeighborSlots() = default;
  explicit NeighborSlots(std::vector<int32_t>&& faiss) : slots_(std::move(faiss)) {}

  size_t size() const { return slots_.size(); }
  bool empty() const { return slots_.empty(); }
  Ordinal* data() { return reinterpret_cast<Ordinal*>(slots_.data()); }
  const Ordinal* data() const { return reinterpret_cast<const Ordinal*>(slots_.data()); }
  Ordinal& operator[](size_t i) { return data()[i]; }
  const Ordinal& operator[](size_t i) const { return data()[i]; }
  const Ordinal* begin() const { return data(); }
  const Ordinal* end() const { return data() + size(); }

  void assign(size_t count, Ordinal value) { slots_.assign(count, static_cast<int32_t>(value)); }
  void truncate(size_t count) { slots_.resize(count); }  // REQUIRES: count <= size()

 private:
  static_assert(static_cast<Ordinal>(int32_t{-1}) == kNoOrdinal);

  std::vector<int32_t> slots_;
};

}  // namespace vseg

#endif  // VSEG_ENGINE_GRAPH_NEIGHBOR_SLOTS_H_
