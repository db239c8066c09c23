// Space of the index relation: the allocation map.
#ifndef VSEG_POSTGRES_STORAGE_EXTENTS_H_
#define VSEG_POSTGRES_STORAGE_EXTENTS_H_

#include "postgres/boundary/postgres_headers.h"

#include "engine/format/page.h"

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

// Marks `count` extents from `first` on as taken, one WAL record a map page. Only for an index that
// nobody else can see yet (ambuild): publishing them follows in another record.
void mark_extents(Relation index, uint32_t first, uint32_t count);

}  // namespace pg
}  // namespace vseg

#endif  // VSEG_POSTGRES_STORAGE_EXTENTS_H_
