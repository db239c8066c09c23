// Workers are short-lived: started by whoever finds a tail that is long enough, or segments due to
// be merged, gone when that is done. They need no preloading and keep no state: SEAL and MERGE say
// whether one is at work.
#include "postgres/compaction/worker.h"

#include <algorithm>
#include <chrono>
#include <cstring>

extern "C" {
#include "access/xlog.h"
#include "catalog/index.h"
#include "catalog/pg_database.h"
#include "commands/defrem.h"
#include "commands/progress.h"
#include "pgstat.h"
#include "storage/ipc.h"
#include "utils/backend_status.h"
#include "utils/snapmgr.h"
}

#include "postgres/boundary/guard.h"
#include "postgres/compaction/background_process.h"
#include "postgres/compaction/fault_point.h"
#include "postgres/compaction/merge_job.h"
#include "postgres/compaction/tail.h"
#include "postgres/compaction/worker_slots.h"
#include "postgres/options/options.h"
#include "postgres/statistics/current_job.h"
#include "postgres/storage/directory.h"
#include "postgres/storage/metapage.h"

namespace vseg {
namespace pg {
namespace {

// What a worker is started for; travels in bgw_extra.
struct WorkerOrder {
  Oid index;
  int32 seal_at;  // rows in the tail
  // Settings of the session that gave the order, by which the worker seals and merges:
  int32 seal_rows;
  int32 slowdown_rows;
  char fault_point[kMaxFaultPointLength];
};
static_assert(sizeof(WorkerOrder) <= BGW_EXTRALEN);

// VACUUM and the launcher have a tail sealed at that part of vseg.tail_seal_rows: what does not
// grow any more would cost every search for ever. A tail of 1,000 rows costs about as much as a
// small segment.
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

// Tries to take a lock that conflicts with who waits for `tag` in a stronger mode. Not
// LockHasWaiters(), which reads a null pointer for a weak relation lock taken by the fast path.
// Having it for a moment harms nobody: who conflicts with it conflicts with the lock on the index
// that a worker has anyway, and on a database waits for no longer than that moment.
bool is_wanted(const LOCKTAG& tag, LOCKMODE mode) {
  if (LockAcquire(&tag, mode, false, true) == LOCKACQUIRE_NOT_AVAIL) {
    return true;
  }
  LockRelease(&tag, mode, false);
  return false;
}

// Gives way to who wants to drop or rewrite the index, or to drop the database, which does not wait
// for its workers longer than five seconds.
class PoliteMonitor final : public ProgressMonitor {
 public:
  explicit PoliteMonitor(Oid index) : index_(index) {}

 protected:
  bool gives_way() override {
    const auto now = std::chrono::steady_clock::now();
    if (now - last_look_ < std::chrono::milliseconds(200)) {
      return false;
    }
    last_look_ = now;
    LOCKTAG index;
    SET_LOCKTAG_RELATION(index, MyDatabaseId, index_);
    LOCKTAG database;
    SET_LOCKTAG_OBJECT(database, InvalidOid, DatabaseRelationId, MyDatabaseId, 0);
    return is_wanted(index, AccessShareLock) || is_wanted(database, RowExclusiveLock);
  }

 private:
  Oid index_;
  std::chrono::steady_clock::time_point last_look_ = std::chrono::steady_clock::now();
};

// The index, locked, if nobody is in the way and there is still something to do with it.
Relation open_index_to_maintain(Oid oid) {
  if (RecoveryInProgress() || !ConditionalLockRelationOid(oid, RowExclusiveLock)) {
    return nullptr;
  }
  Relation index = try_relation_open(oid, NoLock);
  if (index == nullptr) {
    return nullptr;
  }
  if (index->rd_rel->relkind != RELKIND_INDEX ||
      index->rd_rel->relam != get_index_am_oid("vseg", true) || !can_be_maintained(index)) {
    relation_close(index, NoLock);
    return nullptr;
  }
  return index;
}

bool is_merge_due(Relation index, uint64_t most) {
  return run_cpp([&] {
    ProgressMonitor monitor;
    MergeJob job(index, worker_resources(), monitor);
    return !due_merge(index, &job, most).empty();
  });
}

// Runs C++ work that may give way; false if it did.
template <typename Work>
bool run_politely(Relation index, Work&& work) {
  pgstat_progress_start_command(PROGRESS_COMMAND_CREATE_INDEX, index->rd_index->indrelid);
  pgstat_progress_update_param(PROGRESS_CREATEIDX_INDEX_OID, RelationGetRelid(index));
  pgstat_progress_update_param(PROGRESS_CREATEIDX_ACCESS_METHOD_OID, index->rd_rel->relam);
  pgstat_progress_update_param(PROGRESS_CREATEIDX_PHASE, PROGRESS_CREATEIDX_PHASE_BUILD);
  const bool done = run_cpp([&] {
    PoliteMonitor monitor(RelationGetRelid(index));
    try {
      work(&monitor);
      return true;
    } catch (const CancelledError&) {
      return false;
    }
  });
  if (!done) {
    abandon_job(index, nullptr);
  }
  pgstat_progress_end_command();
  return done;
}

// One seal, if there is enough to seal; returns whether to look again.
bool seal_if_long(Relation index, const WorkerOrder& order) {
  if (!try_lock_index(index, IndexLock::kSeal)) {
    return false;
  }
  reclaim_if_free(index);
  const Tail tail = look_at_tail(index);
  if (tail.rows < static_cast<uint64_t>(order.seal_at) || !tail.has_room) {
    return false;
  }
  pgstat_report_activity(STATE_RUNNING, "sealing the tail of a vseg index");
  bool sealed = false;
  const bool done = run_politely(index, [&](PoliteMonitor* monitor) {
    // A share at a time, so that the tail gets shorter while inserters wait for it to.
    sealed = seal_tail(index, *monitor,
                       {worker_resources(),
                        static_cast<uint64_t>(std::max(tail_slowdown_rows(), tail_seal_rows()))});
  });
  return done && sealed;
}

// One merge, if one is due, a small one where another worker has a merge to do; returns whether to
// look again.
bool merge_if_due(Relation index, const WorkerOrder& /*order*/) {
  const bool any = try_lock_index(index, IndexLock::kMerge);
  if (!any && !try_lock_index(index, IndexLock::kMergeSmall)) {
    return false;
  }
  reclaim_if_free(index);
  const uint64_t most = any ? kAllRows : small_merge_rows();
  if (!is_merge_due(index, most)) {
    return false;
  }
  pgstat_report_activity(STATE_RUNNING, "merging segments of a vseg index");
  return run_politely(index, [&](PoliteMonitor* monitor) {
    MergeJob job(index, worker_resources(), *monitor);
    job.merge(due_merge(index, &job, most));
  });
}

struct Step {
  bool (*run)(Relation index, const WorkerOrder& order);
  WorkCause cause;
};

constexpr Step kSealStep = {seal_if_long, WorkCause::kSeal};
constexpr Step kMergeStep = {merge_if_due, WorkCause::kMerge};

// One step in a transaction without snapshot or transaction ID: it holds back nobody's horizon.
bool run_step(const WorkerOrder& order, const Step& step) {
  StartTransactionCommand();
  bool again = false;
  Relation index = open_index_to_maintain(order.index);
  if (index != nullptr) {
    InvalidateCatalogSnapshot();
    again = step.run(index, order);
  }
  // Aborted rather than committed: who gave way has left pins and locks behind.
  AbortCurrentTransaction();
  return again;
}

// What the step displaced is free when every transaction up to the next ID is over
// (stamp_displaced): where nobody else writes, that would be never, and the next step would take
// new space. Aborted, which waits neither for the disk nor for a synchronous standby.
void use_up_transaction_id() {
  StartTransactionCommand();
  GetTopTransactionId();
  AbortCurrentTransaction();
}

// The error that has ended the step: logged as any background worker's, then, when all that the
// step held has been let go, counted in the index, where who reads no logs finds it.
void report_error(const WorkerOrder& order) {
  char message[sizeof(Statistics::failed_message)];
  HOLD_INTERRUPTS();
  MemoryContextSwitchTo(TopMemoryContext);
  EmitErrorReport();
  strlcpy(message, CopyErrorData()->message, sizeof(message));
  FlushErrorState();
  AbortCurrentTransaction();
  RESUME_INTERRUPTS();
  StartTransactionCommand();
  Relation index = open_index_to_maintain(order.index);
  if (index != nullptr) {
    abandon_job(index, message);
  }
  AbortCurrentTransaction();
}

// As run_step; an error ends the worker, as it would if nobody caught it.
bool try_step(const WorkerOrder& order, const Step& step) {
  reload_configuration();
  begin_job(step.cause);
  try {
    return call_pg([&] {
      const bool again = run_step(order, step);
      if (again) {
        use_up_transaction_id();
      }
      return again;
    });
  } catch (const PgError&) {
    // Not resumed, but reported.
  }
  report_error(order);
  proc_exit(1);
}

bool is_tail_long(Relation index, int seal_at) {
  return !is_index_lock_taken(index, IndexLock::kSeal) &&
         look_at_tail(index).rows >= static_cast<uint64_t>(seal_at);
}

// Whether a merge is due that nobody is in the way of.
bool can_merge(Relation index) {
  const bool any = !is_index_lock_taken(index, IndexLock::kMerge);
  return (any || !is_index_lock_taken(index, IndexLock::kMergeSmall)) &&
         is_merge_due(index, any ? kAllRows : small_merge_rows());
}

void set_rows(const char* setting, int rows) {
  char value[16];
  snprintf(value, sizeof(value), "%d", rows);
  SetConfigOption(setting, value, PGC_SUSET, PGC_S_SESSION);
}

// What the session wants done, not what the configuration says, is done by its settings.
void adopt_settings(const WorkerOrder& order) {
  set_rows("vseg.tail_seal_rows", order.seal_rows);
  set_rows("vseg.tail_slowdown_rows", order.slowdown_rows);
  SetConfigOption("vseg.fault_point", order.fault_point, PGC_SUSET, PGC_S_SESSION);
}

}  // namespace

bool start_worker_for(Relation index, int seal_at) {
  if (is_coming_up(RelationGetRelid(index))) {
    return true;
  }
  WorkerOrder order = {};
  order.index = RelationGetRelid(index);
  order.seal_at = seal_at;
  order.seal_rows = tail_seal_rows();
  order.slowdown_rows = tail_slowdown_rows();
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
  const int seal_at = std::max(tail_seal_rows() / kIdleTails, 1);
  if (is_tail_long(index, seal_at) || can_merge(index)) {
    start_worker_for(index, seal_at);
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

extern "C" {

PGDLLEXPORT void vseg_worker_main(Datum database);

void vseg_worker_main(Datum database) {
  using namespace vseg::pg;
  set_up_signals();
  WorkerOrder order;
  memcpy(&order, MyBgworkerEntry->bgw_extra, sizeof(order));
  BackgroundWorkerInitializeConnectionByOid(DatumGetObjectId(database), InvalidOid, 0);
  if (!take_worker_slot()) {
    return;  // others were faster; what is left undone is found by the next insert or VACUUM
  }
  adopt_settings(order);
  while (try_step(order, kSealStep)) {
  }
  // SEAL is free by now: while a merge takes its time, another worker can seal.
  while (try_step(order, kMergeStep)) {
  }
}

}  // extern "C"
