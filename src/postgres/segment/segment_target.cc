#include "postgres/segment/segment_target.h"

#include <algorithm>

#include "postgres/pages/pages.h"

namespace vseg {
namespace pg {

SegmentTarget::SegmentTarget(Relation index)
    : index_(index),
      blocks_(kMaxPagesPerRecord),
      images_(std::make_unique<PGAlignedBlock[]>(kMaxPagesPerRecord)) {}

void SegmentTarget::begin_segment(const SegmentPlace& place) {
  place_ = place;
  next_page_ = place.first_page;
}

void SegmentTarget::write(PageKind kind, const std::byte* data, size_t bytes) {
  const uint32_t page_of_extents = next_page_++;
  blocks_[pending_] = place_.extents.at(page_of_extents >> kExtentShift) * kExtentPages +
                      (page_of_extents & kExtentMask);
  Page page = images_[pending_].data;
  init_page(page, {kind, place_.id}, bytes);
  // Not memcpy: of no bytes, data is null.
  std::copy_n(data, bytes, reinterpret_cast<std::byte*>(payload(page)));
  if (++pending_ == kMaxPagesPerRecord) {
    flush();
  }
}

void SegmentTarget::end_segment() { flush(); }

void SegmentTarget::flush() {
  if (pending_ == 0) {
    return;
  }
  Page pages[kMaxPagesPerRecord];
  for (int i = 0; i < pending_; i++) {
    pages[i] = images_[i].data;
  }
  const Batch batch = {blocks_.data(), pages, pending_};
  call_pg([&] {
    CHECK_FOR_INTERRUPTS();
    write_batch(batch);
  });
  pending_ = 0;
}

DirectoryEntry write_segment_to(SegmentTarget& target, const SegmentBuilder& builder, uint32_t id,
                                ExactVectors& vectors, ProgressMonitor& monitor) {
  const uint32_t first_page = target.next_first_page();
  const SegmentHeader header = builder.plan(id, first_page);
  const SegmentPlace place = {id, first_page, target.allocate(header.extents, monitor)};
  target.begin_segment(place);
  watch(monitor, [&] { builder.write(place, vectors, monitor, target); });
  target.end_segment();

  DirectoryEntry entry{};
  entry.id = id;
  entry.kind = MemberKind::kGraphSegment;
  entry.header_block = place.extents[0] * kExtentPages + first_page;
  entry.extents = header.extents;
  entry.rows = header.rows;
  entry.pages = header.pages;
  return entry;
}

}  // namespace pg
}  // namespace vseg
