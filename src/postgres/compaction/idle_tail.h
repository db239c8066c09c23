// A tail costs searches only, so it is a search that has one sealed which does not grow any more.
#ifndef VSEG_POSTGRES_COMPACTION_IDLE_TAIL_H_
#define VSEG_POSTGRES_COMPACTION_IDLE_TAIL_H_

#include "postgres/boundary/postgres_headers.h"

#include "engine/search/cursor.h"

namespace vseg {
namespace pg {

// When a search of `index` is over, having met `tail`: where that has a tenth of
// vseg.tail_seal_rows and has not grown for vseg.tail_idle_time, starts a worker to seal it. Not on
// a standby. A backend tries once in so long for an index, whatever becomes of it. Raises errors of
// looking at a lock and of registering a worker.
void tail_was_met(Relation index, const UnsealedRows& tail);

}  // namespace pg
}  // namespace vseg

#endif  // VSEG_POSTGRES_COMPACTION_IDLE_TAIL_H_
