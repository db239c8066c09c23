#include "postgres/workers/worker_slots.h"

#include "postgres/boundary/postgres_headers.h"

extern "C" {
#include "storage/lock.h"
}

#include "postgres/options/options.h"
#include "postgres/directory/metapage.h"

namespace vseg {
namespace pg {
namespace {

// An advisory lock, which outlives transactions that are aborted, of no database: SQL reaches only
// those of its own.
LOCKTAG slot(int number) {
  constexpr uint32 kLockClass = 0x76736567;  // as fault points have, for objects 0 and 1
  constexpr uint32 kFirst = 2;
  LOCKTAG tag;
  SET_LOCKTAG_ADVISORY(tag, InvalidOid, kLockClass, kFirst + static_cast<uint32>(number), 2);
  return tag;
}

}  // namespace

bool take_worker_slot() {
  for (int number = 0; number < max_workers(); number++) {
    const LOCKTAG tag = slot(number);
    if (LockAcquire(&tag, ExclusiveLock, true, true) != LOCKACQUIRE_NOT_AVAIL) {
      return true;
    }
  }
  return false;
}

bool is_worker_slot_free() {
  for (int number = 0; number < max_workers(); number++) {
    if (!is_held_by_others(slot(number))) {
      return true;
    }
  }
  return false;
}

}  // namespace pg
}  // namespace vseg
