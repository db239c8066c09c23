// What a background worker is told by who starts it.
#ifndef VSEG_POSTGRES_WORKERS_WORKER_ORDER_H_
#define VSEG_POSTGRES_WORKERS_WORKER_ORDER_H_

#include "postgres/boundary/postgres_headers.h"

extern "C" {
#include "postmaster/bgworker.h"
}

#include "postgres/boundary/fault_point.h"

namespace vseg {
namespace pg {

// Travels in bgw_extra.
struct WorkerOrder {
  Oid index;
  int32 seal_at;  // rows in the tail
  // Settings of the session that gave the order, by which the worker seals and merges:
  int32 seal_rows;
  int32 slowdown_rows;
  int32 stop_rows;
  char fault_point[kMaxFaultPointLength];
};
static_assert(sizeof(WorkerOrder) <= BGW_EXTRALEN);

}  // namespace pg
}  // namespace vseg

#endif  // VSEG_POSTGRES_WORKERS_WORKER_ORDER_H_
