// See src/postgres/README.md for the protocol.
#include "postgres/ingest/stand_in.h"

extern "C" {
#include "access/xact.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/timestamp.h"
}

#include "postgres/boundary/guard.h"
#include "postgres/boundary/fault_point.h"
#include "postgres/merge/polite_monitor.h"
#include "postgres/merge/tail.h"
#include "postgres/options/options.h"
#include "postgres/statistics/current_job.h"
#include "postgres/directory/metapage.h"
#include "postgres/directory/reclaim.h"

namespace vseg {
namespace pg {
namespace {

constexpr int64 kSecond = 1000 * 1000;

// Gives way when the time is over, since VACUUM may hold PUBLISH for long, and to who waits for
// this transaction: it ends the sooner.
class HelpMonitor final : public PoliteMonitor {
 public:
  HelpMonitor(Relation index, TimestampTz end)
      : PoliteMonitor({RelationGetRelid(index), index->rd_index->indrelid}), end_(end) {}

 protected:
  bool gives_way() override { return GetCurrentTimestamp() > end_ || PoliteMonitor::gives_way(); }

 private:
  TimestampTz end_;
};

// Half a minute for a share of the usual size. A run that is longer is sealed in one go all the
// same, since nobody else does it: it has the time it takes, up to ten minutes.
int64 longest_seal(Relation index, uint64_t rows) {
  constexpr int64 kShare = 30 * kSecond, kLongRun = 600 * kSecond;
  const uint64_t oldest = call_pg([&] { return rows_of_oldest_run(index); });
  return oldest > rows ? kLongRun : kShare;
}

// Seals a share of the tail. Within a subtransaction: unless all is done, locks and pins are left
// to its end, as by all that follow.
Help seal_share_of_tail(Relation index) {
  if (!try_lock_index(index, IndexLock::kSeal)) {
    return Help::kBusy;
  }
  reclaim_if_free(index);
  if (!look_at_tail(index).has_room || is_index_lock_taken(index, IndexLock::kPublish)) {
    return Help::kBusy;
  }
  begin_job(WorkCause::kSeal);
  if (is_fault_point("seal-fails")) {
    ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
  }
  const auto rows = static_cast<uint64_t>(tail_seal_rows());
  const Help result = run_cpp([&] {
    HelpMonitor monitor(index, GetCurrentTimestamp() + longest_seal(index, rows));
    try {
      return seal_tail(index, monitor, {worker_resources(), rows}) ? Help::kDone : Help::kBusy;
    } catch (const CancelledError&) {
      return Help::kFailed;
    }
  });
  if (result == Help::kDone) {
    unlock_index(index, IndexLock::kSeal);
  }
  return result;
}

// A merge that an inserter does in the stead of a worker.
struct MergeInStead {
  MergeGroup (*plan)(Relation index, MergeJob* job);
  int64 longest;
};

// Where nobody seals, nobody merges either, and segments would fill the directory.
MergeGroup small_merge(Relation index, MergeJob* job) {
  return due_merge(index, job, small_merge_rows());
}

constexpr MergeInStead kSmallMerge = {small_merge, 60 * kSecond};

constexpr MergeInStead kMergeForRoom = {merge_for_room, 600 * kSecond};

Help merge_segments(Relation index, const MergeInStead& merge) {
  if (is_backing_off(index, WorkCause::kMerge) || !try_lock_index(index, IndexLock::kMerge)) {
    return Help::kBusy;
  }
  begin_job(WorkCause::kMerge);
  const TimestampTz end = GetCurrentTimestamp() + merge.longest;
  const Help result = run_cpp([&] {
    HelpMonitor monitor(index, end);
    try {
      MergeJob job(index, worker_resources(), monitor);
      const MergeGroup group = merge.plan(index, &job);
      if (group.empty()) {
        return Help::kBusy;
      }
      job.merge(group);
      return Help::kDone;
    } catch (const CancelledError&) {
      return Help::kTooLong;
    }
  });
  if (result != Help::kTooLong) {
    unlock_index(index, IndexLock::kMerge);
  }
  return result;
}

Help seal_and_merge(Relation index) {
  const Help sealed = seal_share_of_tail(index);
  if (sealed != Help::kDone) {
    return sealed;
  }
  return merge_segments(index, kSmallMerge) == Help::kTooLong ? Help::kInPart : Help::kDone;
}

Help make_room(Relation index) { return merge_segments(index, kMergeForRoom); }

bool is_stopped(const ErrorData* error) {
  return error->sqlerrcode == ERRCODE_QUERY_CANCELED ||
         error->sqlerrcode == ERRCODE_ADMIN_SHUTDOWN || error->sqlerrcode == ERRCODE_CRASH_SHUTDOWN;
}

// An error of sealing is none of the insert.
void warn_of_failure(Relation index, ErrorData* error) {
  if (is_stopped(error)) {
    ReThrowError(error);
  }
  ereport(WARNING,
          (errcode(error->sqlerrcode), errmsg("could not seal the tail of vseg index \"%s\": %s",
                                              RelationGetRelationName(index), error->message)));
  FreeErrorData(error);
}

// Whoever tries next, worker or inserter, waits before it does. Not where this was cancelled.
void note_failure(Relation index, const ErrorData* error) {
  if (!is_stopped(error)) {
    const JobFailure failure = {error->message, true};
    abandon_job(index, &failure);
  }
}

// Where the subtransaction began.
struct Outside {
  MemoryContext context;
  ResourceOwner owner;

  void return_to() const {
    MemoryContextSwitchTo(context);
    CurrentResourceOwner = owner;
  }
};

// An aborted subtransaction takes along what an error or giving way leaves behind: locks, pins,
// memory. One that has sealed is committed, lest aborting it ends the progress report of a COPY.
void end_subtransaction(bool commit, const Outside& outside) {
  if (commit) {
    ReleaseCurrentSubTransaction();
  } else {
    RollbackAndReleaseCurrentSubTransaction();
  }
  outside.return_to();
}

// Works in a subtransaction, which has neither snapshot nor transaction ID.
Help in_subtransaction(Relation index, Help (*work)(Relation)) {
  const Outside outside = {CurrentMemoryContext, CurrentResourceOwner};
  volatile Help result = Help::kFailed;
  BeginInternalSubTransaction(nullptr);
  PG_TRY();
  {
    MemoryContext memory =
        AllocSetContextCreate(CurTransactionContext, "vseg seal", ALLOCSET_DEFAULT_SIZES);
    MemoryContextSwitchTo(memory);
    result = work(index);
    MemoryContextSwitchTo(outside.context);
    MemoryContextDelete(memory);
    end_subtransaction(result == Help::kDone, outside);
  }
  PG_CATCH();
  {
    MemoryContextSwitchTo(outside.context);
    ErrorData* error = CopyErrorData();
    FlushErrorState();
    end_subtransaction(false, outside);
    note_failure(index, error);
    warn_of_failure(index, error);
  }
  PG_END_TRY();
  return result;
}

}  // namespace

Help seal_as_inserter(Relation index, bool merges) {
  return in_subtransaction(index, merges ? seal_and_merge : seal_share_of_tail);
}

Help make_room_as_inserter(Relation index) { return in_subtransaction(index, make_room); }

bool can_make_room(Relation index) {
  return run_cpp([&] {
    ProgressMonitor monitor;
    MergeJob job(index, worker_resources(), monitor);
    return !merge_for_room(index, &job).empty();
  });
}

}  // namespace pg
}  // namespace vseg
