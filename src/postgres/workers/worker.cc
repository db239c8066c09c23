// Workers are short-lived: started by whoever finds a tail that is long enough, or segments due to
// be merged, gone when that is done. They need no preloading and keep no state: SEAL and MERGE say
// whether one is at work.
#include "postgres/boundary/postgres_headers.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <utility>

extern "C" {
#include "commands/progress.h"
#include "pgstat.h"
#include "storage/ipc.h"
#include "utils/backend_status.h"
#include "utils/snapmgr.h"
}

#include "engine/compaction/back_pressure.h"
#include "postgres/boundary/guard.h"
#include "postgres/workers/background_process.h"
#include "postgres/merge/due_work.h"
#include "postgres/merge/merge_job.h"
#include "postgres/boundary/retry.h"
#include "postgres/merge/polite_monitor.h"
#include "postgres/merge/tail.h"
#include "postgres/workers/worker_order.h"
#include "postgres/workers/worker_slots.h"
#include "postgres/options/options.h"
#include "postgres/options/processors.h"
#include "postgres/statistics/current_job.h"
#include "postgres/directory/directory.h"
#include "postgres/directory/metapage.h"
#include "postgres/directory/reclaim.h"
#include "postgres/directory/truncation.h"

namespace vseg {
namespace pg {
namespace {

// Runs C++ work that may give way; false if it did.
template <typename Work>
bool run_politely(Relation index, Work&& work) {
  pgstat_progress_start_command(PROGRESS_COMMAND_CREATE_INDEX, index->rd_index->indrelid);
  pgstat_progress_update_param(PROGRESS_CREATEIDX_INDEX_OID, RelationGetRelid(index));
  pgstat_progress_update_param(PROGRESS_CREATEIDX_ACCESS_METHOD_OID, index->rd_rel->relam);
  pgstat_progress_update_param(PROGRESS_CREATEIDX_PHASE, PROGRESS_CREATEIDX_PHASE_BUILD);
  const bool done = run_cpp([&] {
    PoliteMonitor monitor({RelationGetRelid(index)});
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

// Rows that pour in have the processors to themselves: beside a worker, two clients on two of them
// took a quarter longer to COPY 50,000 rows. Waits until the tail has stopped growing for a moment,
// or for a second, or until it is half as long as what slows inserters down. More rows are sealed
// at a time then, which saves a merge.
void wait_for_lull(Relation index, PoliteMonitor& monitor) {
  constexpr int kQuietLooks = 5;  // 20 ms apart
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(1);
  const auto long_tail = static_cast<uint64_t>(tail_slowdown_rows() / 2);
  uint64_t rows = 0;
  int quiet = 0;
  retry_until(monitor, [&] {
    const uint64_t before = std::exchange(rows, look_at_tail(index).unsealed.rows);
    quiet = rows == before ? quiet + 1 : 0;
    return quiet == kQuietLooks || rows >= long_tail || std::chrono::steady_clock::now() >= end;
  });
}

// Inserters that are held up leave a processor idle: the seal they wait for has it.
JobResources sealer_resources(Relation index) {
  JobResources resources = worker_resources();
  const bool held_up = call_pg([&] {
    return look_at_tail(index).unsealed.rows >=
           static_cast<uint64_t>(std::max(tail_slowdown_rows(), tail_seal_rows()));
  });
  if (held_up) {
    resources.threads = std::max(resources.threads, std::min(resources.threads + 1, processors()));
  }
  return resources;
}

// One seal, if there is enough to seal; returns whether to look again.
bool seal_if_long(Relation index, const WorkerOrder& order) {
  if (is_backing_off(index, WorkCause::kSeal) || !try_lock_index(index, IndexLock::kSeal)) {
    return false;
  }
  reclaim_if_free(index);
  const Tail tail = look_at_tail(index);
  if (tail.unsealed.rows < static_cast<uint64_t>(order.seal_at) || !tail.has_room) {
    return false;
  }
  pgstat_report_activity(STATE_RUNNING, "sealing the tail of a vseg index");
  bool sealed = false;
  const bool done = run_politely(index, [&](PoliteMonitor* monitor) {
    wait_for_lull(index, *monitor);
    sealed =
        seal_tail(index, *monitor,
                  {sealer_resources(index), seal_share_rows(tail_limits(), rows_on_the_way())});
  });
  return done && sealed;
}

// One merge, if one is due, a small one where another worker has a merge to do; returns whether to
// look again.
bool merge_if_due(Relation index, const WorkerOrder& /*order*/) {
  if (is_backing_off(index, WorkCause::kMerge)) {
    return false;
  }
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

// What VACUUM had no lock for, or what has become free since. If so, there is to look again for
// what is to be sealed: another worker that was started meanwhile could not open the index.
bool truncate_if_due(Relation index, const WorkerOrder& /*order*/) {
  constexpr int kMilliseconds = 100;  // for who waits for the index waits for this worker
  return truncate_if_worthwhile(index, kMilliseconds);
}

struct Step {
  bool (*run)(Relation index, const WorkerOrder& order);
  WorkCause cause;
};

constexpr Step kSealStep = {seal_if_long, WorkCause::kSeal};
constexpr Step kMergeStep = {merge_if_due, WorkCause::kMerge};
constexpr Step kTruncateStep = {truncate_if_due, WorkCause::kMerge};

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

// Who reads the log shall know why nothing happens for a while.
void log_next_attempt(Relation index, WorkCause cause) {
  const int64 retry_in = job_history(index).retry_in[background_place(cause)];
  if (retry_in > 0) {
    constexpr int64 kSecond = 1000 * 1000;
    ereport(LOG, (errmsg("next attempt to %s vseg index \"%s\" in %lld seconds at the earliest",
                         cause_name(cause), RelationGetRelationName(index),
                         static_cast<long long>(retry_in) / kSecond + 1),
                  errdetail("Attempts get rarer as long as they fail.")));
  }
}

// The error that has ended the step: logged as any background worker's, then, when all that the
// step held has been let go, counted in the index, where who reads no logs finds it.
void report_error(const WorkerOrder& order, WorkCause cause) {
  char message[sizeof(Statistics::failed_message)];
  HOLD_INTERRUPTS();
  MemoryContextSwitchTo(TopMemoryContext);
  EmitErrorReport();
  const ErrorData* error = CopyErrorData();
  strlcpy(message, error->message, sizeof(message));
  // Somebody has cancelled it: the next one may meet no error.
  const bool retry_later = error->sqlerrcode != ERRCODE_QUERY_CANCELED;
  FlushErrorState();
  AbortCurrentTransaction();
  RESUME_INTERRUPTS();
  StartTransactionCommand();
  Relation index = open_index_to_maintain(order.index);
  if (index != nullptr) {
    const JobFailure failure = {message, retry_later};
    abandon_job(index, &failure);
    log_next_attempt(index, cause);
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
  report_error(order, step.cause);
  proc_exit(1);
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
  set_rows("vseg.tail_stop_rows", order.stop_rows);
  SetConfigOption("vseg.fault_point", order.fault_point, PGC_SUSET, PGC_S_SESSION);
}

}  // namespace

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
    return;  // others were faster; the next insert, VACUUM or search finds what is left
  }
  adopt_settings(order);
  do {
    while (try_step(order, kSealStep)) {
      // Rows that come from here on wait for as many as usual.
      order.seal_at = std::max(order.seal_at, order.seal_rows);
    }
    // SEAL is free by now: while a merge takes its time, another worker can seal.
    while (try_step(order, kMergeStep)) {
    }
  } while (try_step(order, kTruncateStep));
}

}  // extern "C"
