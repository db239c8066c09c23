// Background workers that seal the tails of indexes and merge their segments.
#ifndef VSEG_POSTGRES_COMPACTION_WORKER_H_
#define VSEG_POSTGRES_COMPACTION_WORKER_H_

#include "postgres/boundary/postgres_headers.h"

namespace vseg {
namespace pg {

// Starts a background worker that seals the tail of `index` if it has vseg.tail_seal_rows rows or
// more, and nobody is sealing already. Where no worker can be had, the rows wait for the
// next call: searches find them meanwhile. Reads the chain's entry pages: to be called when the
// chain has grown by one, by who has a transaction ID or a snapshot, or holds PUBLISH.
void request_seal(Relation index);

// The same, and also if segments are due to be merged. Under PUBLISH, by VACUUM.
void request_maintenance(Relation index);

}  // namespace pg
}  // namespace vseg

#endif  // VSEG_POSTGRES_COMPACTION_WORKER_H_
