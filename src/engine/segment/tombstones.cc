#include "engine/segment/tombstones.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "engine/common/engine_only.h"

namespace vseg {

Tombstones::Tombstones(PageSource& pages, const SegmentReader& segment, bool any)
    : pages_(pages),
      segment_(segment),
      any_(any),
      copies_(any ? segment.header().tombstones.count : 0) {}

bool Tombstones::dead(Ordinal ordinal) {
  if (!any_) {
    return false;
  }
  uint32_t bit = ordinal % kTombstonesPerPage;
  return (page(ordinal / kTombstonesPerPage)[bit / 8] & std::byte{1} << bit % 8) != std::byte{0};
}

const std::byte* Tombstones::page(uint32_t number) {
  std::unique_ptr<std::byte[]>& copy = copies_[number];
  if (copy == nullptr) {
    auto payload = std::make_unique<std::byte[]>(kPagePayload);
    pages_.copy(segment_.block(segment_.header().tombstones.first + number),
                {PageKind::kTombstones, segment_.header().id}, payload.get());
    copy = std::move(payload);
  }
  return copy.get();
}

void Tombstones::collect_live(std::vector<Ordinal>* live) {
  if (!any_) {
    live->resize(live->size() + segment_.rows());
    std::iota(live->end() - segment_.rows(), live->end(), 0);
    return;
  }
  for (uint32_t number = 0; number < copies_.size(); number++) {
    collect_live_of_page(number, live);
  }
}

// Dead rows are passed over 64, then 8 at a time.
void Tombstones::collect_live_of_page(uint32_t number, std::vector<Ordinal>* live) {
  const std::byte* bits = page(number);
  const Ordinal first = number * kTombstonesPerPage;
  const uint32_t rows = std::min(kTombstonesPerPage, segment_.rows() - first);
  const uint32_t bytes = (rows + 7) / 8;
  for (uint32_t i = 0; i < bytes; i++) {
    uint64_t word = 0;
    if (i % sizeof(word) == 0) {
      std::memcpy(&word, bits + i, sizeof(word));
      if (word == ~uint64_t{0}) {
        i += sizeof(word) - 1;
        continue;
      }
    }
    if (bits[i] == std::byte{0xFF}) {
      continue;
    }
    for (uint32_t bit = 8 * i; bit < std::min(8 * i + 8, rows); bit++) {
      if ((bits[i] & std::byte{1} << bit % 8) == std::byte{0}) {
        live->push_back(first + bit);
      }
    }
  }
}
static_assert(kPagePayload % sizeof(uint64_t) == 0);

}  // namespace vseg
