// Who waits for a heavyweight lock.
#ifndef VSEG_POSTGRES_MERGE_LOCK_WAITERS_H_
#define VSEG_POSTGRES_MERGE_LOCK_WAITERS_H_

#include "postgres/boundary/postgres_headers.h"

extern "C" {
#include "storage/lock.h"
}

namespace vseg {
namespace pg {

// Whether somebody waits for a lock on `tag` in a mode that conflicts with `held`.
bool is_awaited(const LOCKTAG& tag, LOCKMODE held);

}  // namespace pg
}  // namespace vseg

#endif  // VSEG_POSTGRES_MERGE_LOCK_WAITERS_H_
