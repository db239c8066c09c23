#include "postgres/merge/lock_waiters.h"

#include <cstring>

extern "C" {
#include "storage/lwlock.h"
#include "storage/proc.h"
}

namespace vseg {
namespace pg {

// Not by a lock that is tried for: from PostgreSQL 17 on one that need not wait is granted ahead of
// who waits. Nor by LockHasWaiters(), which in PostgreSQL 15 reads a null pointer for a weak
// relation lock taken by the fast path.
//
// What a process waits for is protected by the partition lock of that lock: with the partition of
// `tag` locked, a process that waits for `tag` goes on to. What others wait for may change or be
// removed while it is looked at, but shared memory stays where it is, and no other lock becomes
// this one.
bool is_awaited(const LOCKTAG& tag, LOCKMODE held) {
  LWLock* partition = LockHashPartitionLock(LockTagHashCode(&tag));
  bool awaited = false;
  LWLockAcquire(partition, LW_SHARED);
  for (uint32 i = 0; i < ProcGlobal->allProcCount && !awaited; i++) {
    const volatile PGPROC* process = &ProcGlobal->allProcs[i];
    LOCK* lock = process->waitLock;
    if (lock != nullptr && memcmp(&lock->tag, &tag, sizeof(tag)) == 0) {
      awaited = DoLockModesConflict(process->waitLockMode, held);
    }
  }
  LWLockRelease(partition);
  return awaited;
}

}  // namespace pg
}  // namespace vseg
