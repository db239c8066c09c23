// Named places at which tests stop or break an append, seal, merge or VACUUM.
#ifndef VSEG_POSTGRES_BOUNDARY_FAULT_POINT_H_
#define VSEG_POSTGRES_BOUNDARY_FAULT_POINT_H_

#include <cstring>

#include "postgres/boundary/progress_monitor.h"

namespace vseg {
namespace pg {

enum class FaultAction {
  kWait,         // while somebody holds the advisory lock (1987274087, 0)
  kError,        // ERRCODE_INTERNAL_ERROR
  kOutOfMemory,  // std::bad_alloc in C++, else ERRCODE_OUT_OF_MEMORY
  kDiskFull,     // ERRCODE_DISK_FULL
  kPanic,        // ereport(PANIC)
  kKill,         // SIGKILL to itself
};

constexpr size_t kMaxFaultPointLength = 64;  // of the setting, with its end

// What vseg.fault_point asks for: "name" or "name:action".
struct FaultOrder {
  char name[kMaxFaultPointLength];
  FaultAction action;
};

// False, and *order is undefined, if `setting` names no action that there is or is too long.
bool parse_fault_order(const char* setting, FaultOrder* order);

// Null unless vseg.fault_point is set: all that a fault point costs then is a look at this.
extern const FaultOrder* fault_order;

// Whether vseg.fault_point names this: a condition to be taken for granted, where nothing waits.
inline bool is_fault_point(const char* name) {
  return fault_order != nullptr && strcmp(name, fault_order->name) == 0;
}

void reach_fault_point(const char* name, ProgressMonitor& monitor);
void reach_fault_point(const char* name);
void reach_fault_point_under_lock(const char* name);

// Where vseg.fault_point names this place: does what it says. Who waits holds the advisory lock
// (1987274087, 1) meanwhile, so that a test sees in pg_locks that the place was reached, and throws
// as watch() does when interrupted or when the monitor gives way. Other actions throw PgError or
// std::bad_alloc, or end the process.
inline void fault_point(const char* name, ProgressMonitor& monitor) {
  if (fault_order != nullptr) {
    reach_fault_point(name, monitor);
  }
}

// The same in a function that PostgreSQL calls; raises errors.
inline void fault_point(const char* name) {
  if (fault_order != nullptr) {
    reach_fault_point(name);
  }
}

// The same under a buffer lock, where nothing may wait: that is an error.
inline void fault_point_under_lock(const char* name) {
  if (fault_order != nullptr) {
    reach_fault_point_under_lock(name);
  }
}

}  // namespace pg
}  // namespace vseg

#endif  // VSEG_POSTGRES_BOUNDARY_FAULT_POINT_H_
