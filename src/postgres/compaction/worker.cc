// Workers are short-lived: started by whoever finds a tail that is long enough, or segments due to
// be merged, gone when that is done. They need no preloading and keep no state: SEAL and MERGE say
// whether one is at work.
#include "postgres/compaction/worker.h"

#include <chrono>
#include <cstring>

extern "C" {
#include "access/xlog.h"
#include "catalog/index.h"
#include "catalog/pg_database.h"
#include "commands/defrem.h"
#include "commands/progress.h"
#include "libpq/pqsignal.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "tcop/tcopprot.h"
#include "utils/backend_status.h"
#include "utils/snapmgr.h"
}

#include "engine/segment/append_reader.h"
#include "postgres/boundary/guard.h"
#include "postgres/compaction/fault_point.h"
#include "postgres/compaction/merge_job.h"
#include "postgres/options/options.h"
#include "postgres/storage/directory.h"
#include "postgres/storage/metapage.h"
#include "postgres/storage/pages.h"
#include "postgres/storage/reclaim.h"

namespace vseg {
namespace pg {
namespace {

// What a worker is started for; travels in bgw_extra.
struct WorkerOrder {
  Oid index;
  // Of the session that gave the order:
  int32 seal_rows;
  char fault_point[kMaxFaultPointLength];
};
static_assert(sizeof(WorkerOrder) <= BGW_EXTRALEN);

// Rows without a graph: in the chain, and in runs that an interrupted job left behind.
uint64_t rows_in_tail(Relation index) {
  Metapage metapage;
  read_metapage(index, &metapage);
  return run_cpp([&] {
    BufferPages pages(index);
    uint64_t rows = 0;
    for (uint32_t i = 0; i < metapage.directory_count; i++) {
      const DirectoryEntry& entry = metapage.directory[i];
      if (entry.kind != MemberKind::kGraphSegment) {
        rows += count_chain_rows(pages, entry, metapage.dimensions);
      }
    }
    pages.release();
    return rows;
  });
}

bool is_busy(Relation index, IndexLock lock) {
  if (!try_lock_index(index, lock)) {
    return true;
  }
  unlock_index(index, lock);
  return false;
}

// Whether a worker could see the index, and work on it.
bool can_be_maintained(Relation index) {
  return !RelationUsesLocalBuffers(index) && index->rd_createSubid == InvalidSubTransactionId &&
         index->rd_newRelfilenodeSubid == InvalidSubTransactionId && index->rd_index->indisvalid &&
         index->rd_index->indislive;
}

// False where all of max_worker_processes are taken.
bool start_worker(const WorkerOrder& order) {
  BackgroundWorker worker;
  memset(&worker, 0, sizeof(worker));
  worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
  worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
  worker.bgw_restart_time = BGW_NEVER_RESTART;
  strlcpy(worker.bgw_library_name, "vseg", BGW_MAXLEN);
  strlcpy(worker.bgw_function_name, "vseg_worker_main", BGW_MAXLEN);
  snprintf(worker.bgw_name, BGW_MAXLEN, "vseg worker for index %u", order.index);
  strlcpy(worker.bgw_type, "vseg worker", BGW_MAXLEN);
  worker.bgw_main_arg = ObjectIdGetDatum(MyDatabaseId);
  memcpy(worker.bgw_extra, &order, sizeof(order));
  return RegisterDynamicBackgroundWorker(&worker, nullptr);
}

// Tries to take a lock that conflicts with who waits for `tag` in a stronger mode. Not
// LockHasWaiters(), which reads a null pointer for a weak relation lock taken by the fast path.
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

// Whether the directory has room for what sealing lists beside what it replaces.
bool has_room_to_seal(Relation index) {
  Metapage metapage;
  read_metapage(index, &metapage);
  uint32_t runs = 1;
  for (uint32_t i = 0; i < metapage.directory_count; i++) {
    runs += metapage.directory[i].kind == MemberKind::kFlatRun ? 1 : 0;
  }
  // A seal lists a chain and a segment, and takes a run away.
  return metapage.directory_count + 1U < kMaxDirectoryEntries && has_room(metapage, 0, 1) &&
         metapage.displaced_count + runs <= kMaxDisplaced;
}

JobResources worker_resources() {
  JobResources resources;
  resources.threads = merge_threads();
  resources.memory = static_cast<size_t>(maintenance_work_mem) * 1024;
  return resources;
}

// Makes segments of the chain and of runs that were left behind. REQUIRES: SEAL.
void seal(Relation index, PoliteMonitor* monitor) {
  MergeJob job(index, worker_resources(), *monitor);
  job.freeze_tail();
  for (const MergeGroup& group : plan_compaction(job.runs(), job.capacity())) {
    job.merge(group);
  }
}

// What is due to be merged, by the directory; empty if there is no room for it.
MergeGroup due_merge(Relation index, MergeJob* job) {
  const MergeGroup group = plan_merge(job->segments(), merge_policy(index, job->capacity()));
  Metapage metapage;
  call_pg([&] { read_metapage(index, &metapage); });
  return has_room(metapage, static_cast<uint32_t>(group.size()), 1) ? group : MergeGroup();
}

bool is_merge_due(Relation index) {
  return run_cpp([&] {
    ProgressMonitor monitor;
    MergeJob job(index, worker_resources(), monitor);
    return !due_merge(index, &job).empty();
  });
}

// Free space makes room in the list of displaced space, and what was written in vain does not add
// up when jobs fail again and again. VACUUM does it, too.
void reclaim_if_free(Relation index) {
  if (try_lock_index(index, IndexLock::kPublish)) {
    reclaim_space(index);
    unlock_index(index, IndexLock::kPublish);
  }
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
  pgstat_progress_end_command();
  return done;
}

// One seal, if there is enough to seal; returns whether to look again.
bool seal_if_long(Relation index, const WorkerOrder& order) {
  if (!try_lock_index(index, IndexLock::kSeal)) {
    return false;
  }
  reclaim_if_free(index);
  if (rows_in_tail(index) < static_cast<uint64_t>(order.seal_rows) || !has_room_to_seal(index)) {
    return false;
  }
  pgstat_report_activity(STATE_RUNNING, "sealing the tail of a vseg index");
  return run_politely(index, [&](PoliteMonitor* monitor) { seal(index, monitor); });
}

// One merge, if one is due; returns whether to look again.
bool merge_if_due(Relation index, const WorkerOrder& /*order*/) {
  if (!try_lock_index(index, IndexLock::kMerge)) {
    return false;
  }
  reclaim_if_free(index);
  if (!is_merge_due(index)) {
    return false;
  }
  pgstat_report_activity(STATE_RUNNING, "merging segments of a vseg index");
  return run_politely(index, [&](PoliteMonitor* monitor) {
    MergeJob job(index, worker_resources(), *monitor);
    job.merge(due_merge(index, &job));
  });
}

using Step = bool (*)(Relation index, const WorkerOrder& order);

// One step in a transaction without snapshot or transaction ID: it holds back nobody's horizon.
bool run_step(const WorkerOrder& order, Step step) {
  StartTransactionCommand();
  bool again = false;
  Relation index = open_index_to_maintain(order.index);
  if (index != nullptr) {
    InvalidateCatalogSnapshot();
    again = step(index, order);
  }
  // Aborted rather than committed: who gave way has left pins and locks behind.
  AbortCurrentTransaction();
  return again;
}

void start(Relation index, int seal_rows) {
  WorkerOrder order = {};
  order.index = RelationGetRelid(index);
  order.seal_rows = seal_rows;
  strlcpy(order.fault_point, fault_point_setting(), sizeof(order.fault_point));
  if (!start_worker(order)) {
    elog(DEBUG1, "no background worker is free for vseg index \"%s\"",
         RelationGetRelationName(index));
  }
}

bool is_tail_long(Relation index, int seal_rows) {
  return !is_busy(index, IndexLock::kSeal) &&
         rows_in_tail(index) >= static_cast<uint64_t>(seal_rows);
}

}  // namespace

void request_seal(Relation index) {
  const int seal_rows = tail_seal_rows();
  if (seal_rows > 0 && can_be_maintained(index) && is_tail_long(index, seal_rows)) {
    start(index, seal_rows);
  }
}

void request_maintenance(Relation index) {
  const int seal_rows = tail_seal_rows();
  if (seal_rows > 0 && can_be_maintained(index) &&
      (is_tail_long(index, seal_rows) ||
       (!is_busy(index, IndexLock::kMerge) && is_merge_due(index)))) {
    start(index, seal_rows);
  }
}

}  // namespace pg
}  // namespace vseg

extern "C" {

PGDLLEXPORT void vseg_worker_main(Datum database);

void vseg_worker_main(Datum database) {
  using namespace vseg::pg;
  pqsignal(SIGHUP, SignalHandlerForConfigReload);
  pqsignal(SIGTERM, die);
  BackgroundWorkerUnblockSignals();
  WorkerOrder order;
  memcpy(&order, MyBgworkerEntry->bgw_extra, sizeof(order));
  BackgroundWorkerInitializeConnectionByOid(DatumGetObjectId(database), InvalidOid, 0);
  SetConfigOption("vseg.fault_point", order.fault_point, PGC_SUSET, PGC_S_SESSION);
  while (run_step(order, seal_if_long)) {
  }
  // SEAL is free by now: while a merge takes its time, another worker can seal.
  while (run_step(order, merge_if_due)) {
  }
}

}  // extern "C"
