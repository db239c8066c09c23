// One member of the directory, read in batches of ascending distance.
#ifndef VSEG_ENGINE_SEARCH_CURSOR_H_
#define VSEG_ENGINE_SEARCH_CURSOR_H_

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

#include "engine/format/append_format.h"
#include "engine/search/query.h"

namespace vseg {

// Farther than every distance: no Query::distance is infinite.
constexpr float kNoBound = std::numeric_limits<float>::infinity();

// A row of a member, and its engine distance.
struct Candidate {
  float distance;
  Ordinal ordinal;  // in the member
};

// Orders of heaps: with `farther` the nearest comes first, with `nearer` the farthest. Objects, not
// functions: heaps inline their calls.
inline constexpr auto farther = [](const Candidate& a, const Candidate& b) {
  return a.distance > b.distance;
};
inline constexpr auto nearer = [](const Candidate& a, const Candidate& b) {
  return a.distance < b.distance;
};

// Into a heap with the nearest first. Few are pushed one by one; many make a new heap, which costs
// a few steps an element.
inline void add_to_heap(const std::vector<Candidate>& added, std::vector<Candidate>* heap) {
  if (added.size() > heap->size() / 8) {
    heap->insert(heap->end(), added.begin(), added.end());
    std::make_heap(heap->begin(), heap->end(), farther);
    return;
  }
  for (const Candidate& candidate : added) {
    heap->push_back(candidate);
    std::push_heap(heap->begin(), heap->end(), farther);
  }
}

inline void add_to_heap(const Candidate& added, std::vector<Candidate>* heap) {
  heap->push_back(added);
  std::push_heap(heap->begin(), heap->end(), farther);
}

// REQUIRES: a heap with the nearest first, not empty.
inline Candidate take_nearest(std::vector<Candidate>* heap) {
  std::pop_heap(heap->begin(), heap->end(), farther);
  const Candidate nearest = heap->back();
  heap->pop_back();
  return nearest;
}

// Sums of huge elements overflow, and damaged codes may give anything: as Query::distance, never
// infinite nor what heaps cannot order.
inline float orderable(float estimate) {
  constexpr float kFarthest = std::numeric_limits<float>::max();
  return estimate <= kFarthest ? estimate : kFarthest;
}

class Cursor {
 public:
  virtual ~Cursor() = default;

  // Appends the `wanted` next rows to `rows`, in ascending distance within the batch; a later batch
  // may hold a nearer row than an earlier one did. Every live row is delivered exactly once.
  // REQUIRES: wanted > 0.
  //
  // Rows farther than `bound` are left for later batches, so a batch may be short, or empty though
  // rows are left. Returns false when every live row of the member has been delivered (nothing is
  // appended then, nor ever after). With kNoBound, true means that at least one row was appended:
  // calls with kNoBound until one returns false deliver all rows.
  virtual bool next_batch(uint32_t wanted, float bound, std::vector<Candidate>* rows) = 0;

  // Heap address of a delivered row. Asked for only when the row is returned, since it is one more
  // page to read.
  virtual Tid tid(Ordinal ordinal) = 0;

  // What the batches so far have met of an append chain, at `clock` (append_clock()).
  virtual UnsealedRows unsealed(uint16_t /*clock*/) const { return {}; }
};

}  // namespace vseg

#endif  // VSEG_ENGINE_SEARCH_CURSOR_H_
