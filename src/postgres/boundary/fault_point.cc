#include "postgres/boundary/fault_point.h"

#include <csignal>
#include <cstring>
#include <new>

#include "postgres/boundary/retry.h"

namespace vseg {
namespace pg {

const FaultOrder* fault_order = nullptr;

namespace {

constexpr uint32 kLockClass = 0x76736567;  // 1987274087
constexpr uint32 kGate = 0;
constexpr uint32 kMarker = 1;

constexpr struct {
  const char* name;
  FaultAction action;
} kActions[] = {
    {"wait", FaultAction::kWait},
    {"error", FaultAction::kError},
    {"out_of_memory", FaultAction::kOutOfMemory},
    {"disk_full", FaultAction::kDiskFull},
    {"panic", FaultAction::kPanic},
    {"kill", FaultAction::kKill},
};

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

void wait_at_gate(ProgressMonitor& monitor) {
  const LOCKTAG gate = advisory_lock(kGate);
  const LOCKTAG marker = advisory_lock(kMarker);
  call_pg([&] { try_lock(marker); });
  retry_until(monitor, [&] { return try_lock(gate); });
  call_pg([&] {
    unlock(gate);
    unlock(marker);
  });
}

// Every action but to wait.
void break_down() {
  switch (fault_order->action) {
    case FaultAction::kWait:
      elog(ERROR, "nothing can wait at fault point \"%s\", under a buffer lock", fault_order->name);
      break;
    case FaultAction::kError:
      elog(ERROR, "fault point \"%s\" was reached", fault_order->name);
      break;
    case FaultAction::kOutOfMemory:
      ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory"),
                      errdetail("Fault point \"%s\" was reached.", fault_order->name)));
      break;
    case FaultAction::kDiskFull:
      ereport(ERROR, (errcode(ERRCODE_DISK_FULL), errmsg("no space left on device"),
                      errdetail("Fault point \"%s\" was reached.", fault_order->name)));
      break;
    case FaultAction::kPanic:
      elog(PANIC, "fault point \"%s\" was reached", fault_order->name);
      break;
    case FaultAction::kKill:
      kill(MyProcPid, SIGKILL);
      break;
  }
}

}  // namespace

bool parse_fault_order(const char* setting, FaultOrder* order) {
  if (strlcpy(order->name, setting, sizeof(order->name)) >= sizeof(order->name)) {
    return false;
  }
  order->action = FaultAction::kWait;
  char* colon = strchr(order->name, ':');
  if (colon == nullptr) {
    return true;
  }
  *colon = '\0';
  for (const auto& candidate : kActions) {
    if (strcmp(candidate.name, colon + 1) == 0) {
      order->action = candidate.action;
      return true;
    }
  }
  return false;
}

void reach_fault_point(const char* name, ProgressMonitor& monitor) {
  if (!is_fault_point(name)) {
    return;
  }
  switch (fault_order->action) {
    case FaultAction::kWait:
      wait_at_gate(monitor);
      break;
    case FaultAction::kOutOfMemory:
      throw std::bad_alloc();
    default:
      call_pg([] { break_down(); });
  }
}

void reach_fault_point(const char* name) {
  if (!is_fault_point(name)) {
    return;
  }
  if (fault_order->action != FaultAction::kWait) {
    break_down();
    return;
  }
  run_cpp([] {
    ProgressMonitor monitor;
    wait_at_gate(monitor);
  });
}

void reach_fault_point_under_lock(const char* name) {
  if (is_fault_point(name)) {
    break_down();
  }
}

}  // namespace pg
}  // namespace vseg
