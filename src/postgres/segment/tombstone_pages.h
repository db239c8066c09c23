// Writing a segment's tombstone bitmap.
#ifndef VSEG_POSTGRES_SEGMENT_TOMBSTONE_PAGES_H_
#define VSEG_POSTGRES_SEGMENT_TOMBSTONE_PAGES_H_

#include "postgres/boundary/postgres_headers.h"

#include <cstddef>
#include <cstdint>

namespace vseg {
namespace pg {

// Sets `bits` (kPagePayload bytes) in a tombstone page of segment `segment`, WAL-logged. Bits are
// never cleared, so this may be repeated.
void set_tombstones(Relation index, BlockNumber block, uint32_t segment, const std::byte* bits);

}  // namespace pg
}  // namespace vseg

#endif  // VSEG_POSTGRES_SEGMENT_TOMBSTONE_PAGES_H_
