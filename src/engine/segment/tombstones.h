// A scan's view of a segment's tombstone bitmap: pages are copied when first asked for.
#ifndef VSEG_ENGINE_SEGMENT_TOMBSTONES_H_
#define VSEG_ENGINE_SEGMENT_TOMBSTONES_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "engine/common/types.h"
#include "engine/pages/page_source.h"
#include "engine/segment/segment_reader.h"

namespace vseg {

// Bit (ordinal % 8) of byte (ordinal / 8) within the page that ordinal / kTombstonesPerPage gives.
class Tombstones {
 public:
  // `any` = the directory says the segment has dead rows; else no page is ever read.
  Tombstones(PageSource& pages, const SegmentReader& segment, bool any);

  bool dead(Ordinal ordinal);

  // Appends the segment's rows without a tombstone, ascending.
  void collect_live(std::vector<Ordinal>* live);

 private:
  const std::byte* page(uint32_t number);
  void collect_live_of_page(uint32_t number, std::vector<Ordinal>* live);

  PageSource& pages_;
  const SegmentReader& segment_;
  bool any_;
  std::vector<std::unique_ptr<std::byte[]>> copies_;
};

}  // namespace vseg

#endif  // VSEG_ENGINE_SEGMENT_TOMBSTONES_H_
