// Starts background workers that seal the tails of indexes and merge their segments. Where none is
// to be had, what is left undone is found by the next insert, VACUUM or search.
#ifndef VSEG_POSTGRES_WORKERS_WORKER_START_H_
#define VSEG_POSTGRES_WORKERS_WORKER_START_H_

#include "postgres/boundary/postgres_headers.h"

#include "engine/format/statistics_format.h"

namespace vseg {
namespace pg {

// Rows at which a tail that does not grow any more is worth a worker: at least 1.
int idle_seal_rows();

// Starts a background worker that seals the tail of `index` if it has `seal_at` rows or more, and
// then merges what is due, by the settings that this session has; what others are at it leaves
// alone. One that this backend has started before and that has yet to come up will do. False where
// no worker can be had, or jobs of the cause that one is `wanted` for have failed and are not tried
// again yet: the rows wait for the next call, and searches find them meanwhile.
bool start_worker_for(Relation index, WorkCause wanted, int seal_at);

// Starts a worker if there is something for it to do. Under PUBLISH, by VACUUM and the launcher.
void request_maintenance(Relation index);

// The same in a transaction of its own, unless others are in the way, or the index is gone.
void maintain_index(Oid oid);

}  // namespace pg
}  // namespace vseg

#endif  // VSEG_POSTGRES_WORKERS_WORKER_START_H_
