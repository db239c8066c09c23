// Space of the index relation: the allocation map.
#ifndef VSEG_POSTGRES_PAGES_EXTENTS_H_
#define VSEG_POSTGRES_PAGES_EXTENTS_H_

#include "postgres/boundary/guard.h"

#include <cstdint>
#include <functional>
#include <vector>

#include "engine/format/page_format.h"

namespace vseg {
namespace pg {

// A free extent and the exclusively locked map page that its bit is in, registered in a record.
struct ExtentClaim {
  uint32_t extent;
  Buffer map;
};

// Takes a free extent as part of the WAL record `record`: the bit is set in the registered image,
// so that the extent is taken exactly when the record that links it is written. After
// GenericXLogFinish (or on the way out of GenericXLogAbort) the caller unlocks and releases
// `claim.map`.
ExtentClaim claim_extent(Relation index, GenericXLogState* record);

// Whether the extent is taken.
bool is_allocated(Relation index, uint32_t extent);

// Raises ERRCODE_INDEX_CORRUPTED if the page `found_in` names an impossible place for a list's next
// page, behind the first `used` blocks of an extent: the index would be extended up to there.
void check_next_page(Relation index, BlockNumber found_in, uint32_t extent, uint32_t used);

// Takes `count` free extents, ascending, for a segment that is about to be written, one WAL record
// a map page; the file is extended first by those that it lacks, and their pages are read into the
// ring of `strategy`. In few runs (engine/format/segment_format.h): small pieces of free space are
// left alone rather than taken in large numbers. They are linked by the record that publishes the
// segment, later: an error or a crash before leaks them, until a sweep finds them.
std::vector<uint32_t> claim_extents(Relation index, uint32_t count, BufferAccessStrategy strategy,
                                    const std::function<void()>& look);

// Whether claim_extents would take `count` extents that are all below `extent`.
bool has_room_below(Relation index, uint32_t count, uint32_t extent);

// Free extents among the first `end`.
uint32_t count_free_extents(Relation index, uint32_t end);

// The extent behind the last one that is taken.
uint32_t end_of_taken_extents(Relation index);

// Marks `count` extents from `first` on as taken, one WAL record a map page. Only for an index that
// nobody else can see yet (ambuild): publishing them follows in another record.
void mark_extents(Relation index, uint32_t first, uint32_t count);

// Map pages that exist.
uint32_t allocation_maps(Relation index);

// Copies map page number `k` (kPagePayload bytes) under its share lock. All zeroes where the file
// has room for the page and nobody has needed it yet.
void copy_allocation_map(Relation index, uint32_t k, char* map);

// Gives extents of one map page back as part of the WAL record `record`; the caller unlocks and
// releases the buffer after GenericXLogFinish. `extents` ascend. Raises ERRCODE_INDEX_CORRUPTED if
// one of them is not taken.
Buffer release_extents(Relation index, GenericXLogState* record, const uint32_t* extents,
                       size_t count);

}  // namespace pg
}  // namespace vseg

#endif  // VSEG_POSTGRES_PAGES_EXTENTS_H_
