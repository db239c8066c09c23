#include "postgres/workers/worker_start.h"

#include <algorithm>
#include <cstring>

extern "C" {
#include "access/xact.h"
#include "utils/memutils.h"
}

#include "postgres/workers/background_process.h"
#include "postgres/merge/due_work.h"
#include "postgres/merge/tail.h"
#include "postgres/workers/worker_order.h"
#include "postgres/workers/worker_slots.h"
#include "postgres/options/options.h"
#include "postgres/statistics/index_statistics.h"
#include "postgres/directory/directory.h"
#include "postgres/directory/truncation.h"

namespace vseg {
namespace pg {
namespace {

// VACUUM, the launcher and searches have a tail sealed at that part of vseg.tail_seal_rows: what
// does not grow any more would cost every search for ever. A tail of 1,000 rows costs about as much
// as a small segment.
constexpr int kIdleTails = 10;

// What this backend has started last for an index; direct-mapped, where two meet one is forgotten.
struct Started {
  Oid index;
  BackgroundWorkerHandle* handle;  // in TopMemoryContext
};
Started started_workers[16];

Started* started_for(Oid index) { return &started_workers[index % lengthof(started_workers)]; }

// Whether a worker that this backend has started for the index has yet to come up: it will find
// what is there by then.
bool is_coming_up(Oid index) {
  const Started* last = started_for(index);
  pid_t pid = 0;
  return last->index == index && last->handle != nullptr &&
         GetBackgroundWorkerPid(last->handle, &pid) == BGWH_NOT_YET_STARTED;
}

void remember(Oid index, BackgroundWorkerHandle* handle) {
  Started* last = started_for(index);
  if (last->handle != nullptr) {
    pfree(last->handle);
  }
  *last = {index, handle};
}

// False where all of vseg.max_workers or max_worker_processes are taken.
bool start_worker(const WorkerOrder& order) {
  if (!is_worker_slot_free()) {
    return false;
  }
  BackgroundWorker worker = background_process("vseg_worker_main", "vseg worker");
  snprintf(worker.bgw_name, BGW_MAXLEN, "vseg worker for index %u", order.index);
  worker.bgw_main_arg = ObjectIdGetDatum(MyDatabaseId);
  memcpy(worker.bgw_extra, &order, sizeof(order));
  MemoryContext context = MemoryContextSwitchTo(TopMemoryContext);
  BackgroundWorkerHandle* handle = nullptr;
  const bool started = RegisterDynamicBackgroundWorker(&worker, &handle);
  MemoryContextSwitchTo(context);
  if (started) {
    remember(order.index, handle);
  }
  return started;
}

}  // namespace

int idle_seal_rows() { return std::max(tail_seal_rows() / kIdleTails, 1); }

bool start_worker_for(Relation index, WorkCause wanted, int seal_at) {
  if (is_coming_up(RelationGetRelid(index))) {
    return true;
  }
  if (is_backing_off(index, wanted)) {
    return false;
  }
  WorkerOrder order = {};
  order.index = RelationGetRelid(index);
  order.seal_at = seal_at;
  order.seal_rows = tail_seal_rows();
  order.slowdown_rows = tail_slowdown_rows();
  order.stop_rows = tail_stop_rows();
  strlcpy(order.fault_point, fault_point_setting(), sizeof(order.fault_point));
  const bool started = start_worker(order);
  count_worker(index, started);
  if (started) {
    return true;
  }
  elog(DEBUG1, "no background worker is free for vseg index \"%s\"",
       RelationGetRelationName(index));
  return false;
}

void request_maintenance(Relation index) {
  if (tail_seal_rows() == 0 || !can_be_maintained(index)) {
    return;
  }
  if (is_tail_long(index, idle_seal_rows()) &&
      start_worker_for(index, WorkCause::kSeal, idle_seal_rows())) {
    return;
  }
  if (can_merge(index) || is_truncation_due(index)) {
    start_worker_for(index, WorkCause::kMerge, idle_seal_rows());
  }
}

void maintain_index(Oid oid) {
  StartTransactionCommand();
  Relation index = open_index_to_maintain(oid);
  if (index != nullptr && try_lock_index(index, IndexLock::kPublish)) {
    request_maintenance(index);
  }
  AbortCurrentTransaction();
}

}  // namespace pg
}  // namespace vseg
