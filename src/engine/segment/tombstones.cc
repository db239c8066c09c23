#include "engine/segment/tombstones.h"

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
  uint32_t page = ordinal / kTombstonesPerPage;
  std::unique_ptr<std::byte[]>& copy = copies_[page];
  if (copy == nullptr) {
    auto payload = std::make_unique<std::byte[]>(kPagePayload);
    pages_.copy(segment_.block(segment_.header().tombstones.first + page),
                {PageKind::kTombstones, segment_.header().id}, payload.get());
    copy = std::move(payload);
  }
  uint32_t bit = ordinal % kTombstonesPerPage;
  return (copy[bit / 8] & std::byte{1} << bit % 8) != std::byte{0};
}

}  // namespace vseg
