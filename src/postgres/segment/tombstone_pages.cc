#include "postgres/segment/tombstone_pages.h"

#include "postgres/pages/pages.h"

namespace vseg {
namespace pg {

void set_tombstones(Relation index, BlockNumber block, uint32_t segment, const std::byte* bits) {
  Buffer buffer =
      read_locked(index, block, BUFFER_LOCK_EXCLUSIVE, {PageKind::kTombstones, segment});
  GenericXLogState* record = GenericXLogStart(index);
  char* map = payload(GenericXLogRegisterBuffer(record, buffer, 0));
  for (uint32_t i = 0; i < kPagePayload; i++) {
    map[i] = static_cast<char>(map[i] | static_cast<char>(bits[i]));
  }
  GenericXLogFinish(record);
  UnlockReleaseBuffer(buffer);
}

}  // namespace pg
}  // namespace vseg
