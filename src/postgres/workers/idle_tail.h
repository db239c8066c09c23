// A tail costs searches only, so it is a search that has one sealed which does not grow any more.
#ifndef VSEG_POSTGRES_WORKERS_IDLE_TAIL_H_
#define VSEG_POSTGRES_WORKERS_IDLE_TAIL_H_

#include "postgres/boundary/postgres_headers.h"

#include "engine/format/append_format.h"

namespace vseg {
namespace pg {

// When a search of `index` ends that has met `tail`: where that has a tenth of vseg.tail_seal_rows
// and has not grown for vseg.tail_idle_time, starts a worker to seal it; all searches of an index
// together do so once in that time, whatever becomes of it. Neither on a standby nor in a parallel
// worker. REQUIRES: the search's snapshot is still held. Raises errors of reading the index, which
// fail the search.
void tail_was_met(Relation index, const UnsealedRows& tail);

}  // namespace pg
}  // namespace vseg

#endif  // VSEG_POSTGRES_WORKERS_IDLE_TAIL_H_
