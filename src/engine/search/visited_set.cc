#include "engine/search/visited_set.h"

#include <utility>

#include "engine/common/engine_only.h"

namespace vseg {
namespace {

constexpr uint32_t kMinLogSlots = 6;

}  // namespace

VisitedSet::VisitedSet(uint32_t expected) {
  uint32_t log_slots = kMinLogSlots;
  while ((uint64_t{1} << log_slots) < uint64_t{expected} * 2) {
    log_slots++;
  }
  slots_.assign(size_t{1} << log_slots, kNoOrdinal);
  shift_ = 64 - log_slots;
}

// Fibonacci hashing (Knuth, The Art of Computer Programming 3, section 6.4): neighbours in the
// order of insertion do not become neighbours in the table.
size_t VisitedSet::slot_of(Ordinal ordinal) const {
  return (ordinal * UINT64_C(0x9E3779B97F4A7C15)) >> shift_;
}

// Where `ordinal` is, or the free slot where it would go.
size_t VisitedSet::find(Ordinal ordinal) const {
  size_t mask = slots_.size() - 1;
  size_t slot = slot_of(ordinal);
  while (slots_[slot] != kNoOrdinal && slots_[slot] != ordinal) {
    slot = (slot + 1) & mask;
  }
  return slot;
}

bool VisitedSet::contains(Ordinal ordinal) const { return slots_[find(ordinal)] == ordinal; }

bool VisitedSet::insert(Ordinal ordinal) {
  size_t slot = find(ordinal);
  if (slots_[slot] == ordinal) {
    return false;
  }
  slots_[slot] = ordinal;
  if (++used_ > slots_.size() / 2) {
    grow();
  }
  return true;
}

void VisitedSet::grow() {
  std::vector<Ordinal> old(slots_.size() * 2, kNoOrdinal);
  std::swap(old, slots_);
  shift_--;
  for (Ordinal ordinal : old) {
    if (ordinal != kNoOrdinal) {
      slots_[find(ordinal)] = ordinal;
    }
  }
}

}  // namespace vseg
