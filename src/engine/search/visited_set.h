// The set of rows a walk has seen.
#ifndef VSEG_ENGINE_SEARCH_VISITED_SET_H_
#define VSEG_ENGINE_SEARCH_VISITED_SET_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/common/types.h"

namespace vseg {

// Open addressing with linear probing; costs nothing proportional to the segment's size.
class VisitedSet {
 public:
  explicit VisitedSet(uint32_t expected);

  bool contains(Ordinal ordinal) const;

  // Adds `ordinal`; false if it was there.
  bool insert(Ordinal ordinal);

  uint32_t size() const { return used_; }

 private:
  size_t slot_of(Ordinal ordinal) const;
  size_t find(Ordinal ordinal) const;
  void grow();

  std::vector<Ordinal> slots_;  // kNoOrdinal = free; a power of two, at most half of them used
  uint32_t shift_;              // 64 - log2(slots)
  uint32_t used_ = 0;
};

}  // namespace vseg

#endif  // VSEG_ENGINE_SEARCH_VISITED_SET_H_
