#include "postgres/merge/file_end.h"

#include <algorithm>

#include "engine/segment/member_extents.h"
#include "postgres/boundary/guard.h"
#include "postgres/pages/extents.h"
#include "postgres/pages/pages.h"

namespace vseg {
namespace pg {
namespace {

// Files of fewer extents (16 MB) are left as they are.
constexpr uint32_t kFewExtents = 32;

bool is_mostly_free(Relation index, uint32_t end) {
  return end >= kFewExtents && count_free_extents(index, end) > end / 2;
}

}  // namespace

MergeGroup segment_at_file_end(Relation index, const Metapage& metapage,
                               const std::vector<PlannedMember>& segments, uint64_t capacity) {
  const uint32_t end = call_pg([&] { return end_of_taken_extents(index); });
  if (!call_pg([&] { return is_mostly_free(index, end); })) {
    return {};
  }
  BufferPages pages(index);
  MergeGroup last;
  for (uint32_t i = 0; i < metapage.directory_count && last.empty(); i++) {
    const DirectoryEntry& entry = metapage.directory[i];
    const bool movable =
        std::any_of(segments.begin(), segments.end(), [&](const PlannedMember& segment) {
          return segment.id == entry.id && segment.live() <= capacity;
        });
    if (!movable) {
      continue;
    }
    const std::vector<uint32_t> extents =
        segment_extents(pages, entry.header_block, entry.id, metapage.dimensions);
    if (!extents.empty() && extents.back() + 1 == end &&
        has_room_below(index, static_cast<uint32_t>(extents.size()), extents.back())) {
      last = {entry.id};
    }
  }
  pages.release();
  return last;
}

}  // namespace pg
}  // namespace vseg
