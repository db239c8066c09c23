#include "postgres/compaction/fault_point.h"

#include <cstring>

#include "postgres/compaction/patience.h"
#include "postgres/options/options.h"

namespace vseg {
namespace pg {
namespace {

constexpr uint32 kLockClass = 0x76736567;  // 1987274087
constexpr uint32 kGate = 0;
constexpr uint32 kMarker = 1;

// As pg_advisory_lock(int4, int4) has it.
LOCKTAG advisory_lock(uint32 object) {
  LOCKTAG tag;
  SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, kLockClass, object, 2);
  return tag;
}

bool try_lock(const LOCKTAG& tag) {
  return LockAcquire(&tag, ShareLock, false, true) != LOCKACQUIRE_NOT_AVAIL;
}

void unlock(const LOCKTAG& tag) { LockRelease(&tag, ShareLock, false); }

}  // namespace

void fault_point(const char* name, ProgressMonitor& monitor) {
  if (strcmp(name, fault_point_setting()) != 0) {
    return;
  }
  const LOCKTAG gate = advisory_lock(kGate);
  const LOCKTAG marker = advisory_lock(kMarker);
  call_pg([&] { try_lock(marker); });
  retry_until(monitor, [&] { return try_lock(gate); });
  call_pg([&] {
    unlock(gate);
    unlock(marker);
  });
}

void fault_point(const char* name) {
  if (strcmp(name, fault_point_setting()) == 0) {
    run_cpp([&] {
      ProgressMonitor monitor;
      fault_point(name, monitor);
    });
  }
}

}  // namespace pg
}  // namespace vseg
