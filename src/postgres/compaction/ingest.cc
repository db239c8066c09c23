// See README.md beside src/postgres/storage for the protocol.
#include "postgres/compaction/ingest.h"

#include <algorithm>

extern "C" {
#include "access/xact.h"
#include "pgstat.h"
#include "storage/latch.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"
}

#include "engine/compaction/back_pressure.h"
#include "postgres/compaction/stand_in.h"
#include "postgres/compaction/tail.h"
#include "postgres/compaction/worker_start.h"
#include "postgres/options/options.h"
#include "postgres/statistics/index_statistics.h"
#include "postgres/storage/directory.h"
#include "postgres/storage/metapage.h"
#include "postgres/storage/reclaim.h"

namespace vseg {
namespace pg {
namespace {

constexpr int64 kMillisecond = 1000;
constexpr int64 kSecond = 1000 * kMillisecond;

// A backend appends that share of the slowdown threshold before it looks at the tail again, so that
// 64 backends together can but double it unseen. A look reads two pages a chain or run.
constexpr double kUnwatchedShare = 1.0 / 64;

// What the backend knows about the tail of an index it inserts into.
struct Pace {
  Oid index;
  bool watch;              // look at the tail before the next rows in any case
  uint64_t rows;           // appended since it was looked at
  int unanswered;          // workers started in a row without anybody seen at work
  TimestampTz last_start;  // of a worker
  TimestampTz last_reclaim;
  TimestampTz no_help;   // until then this backend seals nothing: it has tried in vain
  TimestampTz no_merge;  // until then it merges nothing: that took too long
};

// Direct-mapped: where two indexes meet, the tail is looked at once more.
Pace paces[16];

Pace* pace_of(Relation index) {
  const Oid oid = RelationGetRelid(index);
  Pace* pace = &paces[oid % lengthof(paces)];
  if (pace->index != oid) {
    *pace = {oid, true, 0, 0, 0, 0, 0, 0};
  }
  return pace;
}

// What so many writers may have in memory, and have appended since they looked.
uint64_t rows_on_the_way() {
  constexpr uint64_t kWriters = 16;
  const auto unwatched = static_cast<uint64_t>(kUnwatchedShare * tail_slowdown_rows());
  return kWriters * (most_rows_in_memory() + unwatched);
}

TailLimits tail_limits() {
  return {static_cast<uint64_t>(tail_seal_rows()), static_cast<uint64_t>(tail_slowdown_rows()),
          static_cast<uint64_t>(tail_stop_rows())};
}

// Whether somebody has the job's lock or, as far as this backend can tell, is about to take it.
// Starts a worker where nobody has, at most one a second; two that were never seen at work will not
// be followed by a third that is.
bool is_at_work(Relation index, IndexLock job, Pace* pace) {
  if (is_index_lock_taken(index, job)) {
    pace->unanswered = 0;
    return true;
  }
  const TimestampTz now = GetCurrentTimestamp();
  if (pace->unanswered > 0 && now - pace->last_start < kSecond) {
    return true;
  }
  if (pace->unanswered >= 2) {
    pace->unanswered = 0;  // the next look tries again
    return false;
  }
  if (!start_worker_for(index, tail_seal_rows())) {
    return false;
  }
  pace->last_start = now;
  pace->unanswered++;
  return true;
}

BackPressure pressure_on(Relation index, Pace* pace) {
  const TailLimits limits = tail_limits();
  Tail tail = look_at_tail(index);
  const uint64_t on_the_way = rows_on_the_way();
  const BackPressure calm_or_not =
      back_pressure({tail.unsealed.rows, on_the_way, true, true}, limits);
  if (calm_or_not.state == Pressure::kNone) {
    return calm_or_not;
  }
  if (!tail.has_room && GetCurrentTimestamp() - pace->last_reclaim > kSecond) {
    pace->last_reclaim = GetCurrentTimestamp();
    reclaim_if_free(index);
    tail = look_at_tail(index);
  }
  // A sealer finds no more room than we do.
  const bool sealing = tail.has_room ? is_at_work(index, IndexLock::kSeal, pace)
                                     : is_index_lock_taken(index, IndexLock::kSeal);
  return back_pressure({tail.unsealed.rows, on_the_way, sealing, tail.has_room}, limits);
}

// Interruptible.
void sleep_for(int64 microseconds) {
  const TimestampTz end = GetCurrentTimestamp() + microseconds;
  for (TimestampTz now = end - microseconds; now < end; now = GetCurrentTimestamp()) {
    CHECK_FOR_INTERRUPTS();
    const auto milliseconds = static_cast<long>((end - now) / kMillisecond + 1);
    WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, milliseconds,
              PG_WAIT_EXTENSION);
    ResetLatch(MyLatch);
  }
  CHECK_FOR_INTERRUPTS();
}

// What helping has come to, for the next times.
void remember(Help result, Pace* pace) {
  const TimestampTz now = GetCurrentTimestamp();
  if (result == Help::kFailed || result == Help::kTooLong) {
    pace->no_help = now + 10 * kSecond;
  }
  if (result == Help::kInPart || result == Help::kTooLong) {
    pace->no_merge = now + 600 * kSecond;
  }
}

// Seals or, where there is no room to and nobody else makes it, merges.
Help help(Relation index, PressureCause cause, Pace* pace) {
  const bool merges = GetCurrentTimestamp() >= pace->no_merge;
  if (cause == PressureCause::kNoSealer) {
    return seal_as_inserter(index, merges);
  }
  if (merges && can_make_room(index) && !is_at_work(index, IndexLock::kMerge, pace)) {
    return make_room_as_inserter(index);
  }
  return Help::kBusy;
}

// Whether this backend has sealed a share, or made room to do so, rather than wait.
bool has_helped(Relation index, const BackPressure& pressure, Pace* pace) {
  if (pressure.cause == PressureCause::kSealerBehind || IsInParallelMode() ||
      GetCurrentTimestamp() < pace->no_help) {
    return false;
  }
  const Help result = help(index, pressure.cause, pace);
  remember(result, pace);
  return result == Help::kDone || result == Help::kInPart;
}

void warn_of_long_tail(Relation index) {
  ereport(WARNING,
          (errmsg("tail of vseg index \"%s\" is longer than vseg.tail_stop_rows",
                  RelationGetRelationName(index)),
           errdetail("It did not get shorter while this statement waited."),
           errhint("Searches get slower as it grows. Look for what keeps background workers from "
                   "sealing, or call vseg_compact.")));
}

// Waits until the tail is shorter than the stop threshold, but not for ever: less long where nobody
// is seen to seal.
void wait_for_room(Relation index, Pace* pace) {
  constexpr int64 kLongest = 600 * kSecond, kLongestInVain = 60 * kSecond;
  const TimestampTz start = GetCurrentTimestamp();
  for (;;) {
    const BackPressure pressure = pressure_on(index, pace);
    if (pressure.state != Pressure::kStop) {
      return;
    }
    const bool in_vain = pressure.cause != PressureCause::kSealerBehind;
    if (GetCurrentTimestamp() - start > (in_vain ? kLongestInVain : kLongest)) {
      warn_of_long_tail(index);
      return;
    }
    if (!has_helped(index, pressure, pace)) {
      sleep_for(100 * kMillisecond);
    }
  }
}

// A chain that is long enough becomes a run, another takes its place: runs are what a share of
// sealing is made of. So many at most wait in the directory: more would only be more to search.
void freeze_if_long(Relation index, const Appended& appended, const Tail& tail) {
  if (appended.rows < static_cast<uint64_t>(tail_seal_rows()) || tail.runs >= kMaxRunsOfInserters ||
      !try_lock_index(index, IndexLock::kPublish)) {
    return;
  }
  freeze_append_chain(index, appended.chain.id);
  unlock_index(index, IndexLock::kPublish);
}

// Does what the pressure asks for, and counts how long that took.
void hold_up(Relation index, const BackPressure& pressure, Pace* pace) {
  const TimestampTz start = GetCurrentTimestamp();
  if (pressure.state == Pressure::kStop) {
    wait_for_room(index, pace);
  } else if (!has_helped(index, pressure, pace)) {
    sleep_for(static_cast<int64>(slowdown_delay(pressure, std::max<uint64_t>(pace->rows, 1))));
  }
  count_stall(index, static_cast<uint64>(std::max<int64>(GetCurrentTimestamp() - start, 0)));
}

}  // namespace

void rows_appended(Relation index, const Appended& appended, size_t count) {
  const int seal_rows = tail_seal_rows();
  if (seal_rows == 0 || !can_be_maintained(index)) {
    return;
  }
  Pace* pace = pace_of(index);
  pace->rows += count;
  if (!appended.grown) {
    return;
  }
  pace->watch = true;
  const Tail tail = look_at_tail(index);
  if (tail.unsealed.rows < static_cast<uint64_t>(seal_rows)) {
    return;
  }
  if (is_index_lock_taken(index, IndexLock::kSeal) || !start_worker_for(index, tail_seal_rows())) {
    freeze_if_long(index, appended, tail);
  }
}

size_t most_rows_in_memory() {
  constexpr int kShare = 16;
  return tail_seal_rows() == 0
             ? SIZE_MAX
             : static_cast<size_t>(std::max(tail_slowdown_rows(), tail_seal_rows()) / kShare) + 1;
}

void admit_rows(Relation index) {
  if (tail_seal_rows() == 0 || !can_be_maintained(index)) {
    return;
  }
  Pace* pace = pace_of(index);
  if (!pace->watch && pace->rows < kUnwatchedShare * static_cast<double>(tail_slowdown_rows())) {
    return;
  }
  const BackPressure pressure = pressure_on(index, pace);
  if (pressure.state == Pressure::kNone) {
    pace->watch = false;
    pace->unanswered = 0;
  } else {
    hold_up(index, pressure, pace);
  }
  pace->rows = 0;
}

}  // namespace pg
}  // namespace vseg
