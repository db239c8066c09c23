// See src/postgres/README.md for the protocol.
#include "postgres/ingest/back_pressure.h"

#include <algorithm>

extern "C" {
#include "access/xact.h"
#include "pgstat.h"
#include "storage/latch.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"
}

#include "postgres/ingest/stand_in.h"
#include "postgres/workers/worker_start.h"
#include "postgres/options/options.h"
#include "postgres/statistics/index_statistics.h"
#include "postgres/directory/directory.h"
#include "postgres/directory/metapage.h"

namespace vseg {
namespace pg {
namespace {

constexpr int64 kMillisecond = 1000;
constexpr int64 kSecond = 1000 * kMillisecond;
constexpr int64 kMinute = 60 * kSecond;

// What the backend knows about the tail of an index it inserts into.
struct Pace {
  Oid index;
  bool watch;              // look at the tail before the next rows in any case
  bool told;               // the user was told in this minute what holds inserts up
  uint64_t rows;           // appended since it was looked at
  int unanswered;          // workers started in a row without anybody seen at work
  TimestampTz last_start;  // of a worker
  TimestampTz no_help;     // until then this backend seals nothing: it has tried in vain
  TimestampTz no_merge;    // until then it merges nothing: that took too long
  // Since this time, for a minute: how long inserts were held up.
  TimestampTz minute;
  int64 held_up;
};

// Direct-mapped: where two indexes meet, the tail is looked at once more.
Pace paces[16];

Pace* pace_of(Relation index) {
  const Oid oid = RelationGetRelid(index);
  Pace* pace = &paces[oid % lengthof(paces)];
  if (pace->index != oid) {
    *pace = Pace{};
    pace->index = oid;
    pace->watch = true;
  }
  return pace;
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
  const WorkCause wanted = job == IndexLock::kSeal ? WorkCause::kSeal : WorkCause::kMerge;
  if (!start_worker_for(index, wanted, tail_seal_rows())) {
    return false;
  }
  pace->last_start = now;
  pace->unanswered++;
  return true;
}

// What an inserter has seen before it adds rows.
struct Look {
  BackPressure pressure;
  Tail tail;
  JobHistory history;
};

Sealers sealers_of(Relation index, const Look& look, Pace* pace) {
  if (is_index_lock_taken(index, IndexLock::kSeal)) {
    pace->unanswered = 0;
    return Sealers::kAtWork;
  }
  if (!look.tail.has_room) {
    return Sealers::kNoRoom;  // a sealer finds no more than we do
  }
  if (look.history.retry_in[background_place(WorkCause::kSeal)] > 0) {
    return Sealers::kFailing;
  }
  return is_at_work(index, IndexLock::kSeal, pace) ? Sealers::kAtWork : Sealers::kNone;
}

Look look_at_pressure(Relation index, Pace* pace) {
  const TailLimits limits = tail_limits();
  const uint64_t on_the_way = rows_on_the_way();
  Look look = {};
  look.tail = look_at_tail(index);
  look.pressure = back_pressure({look.tail.unsealed.rows, 0, on_the_way, Sealers::kAtWork}, limits);
  if (look.pressure.admission == Admission::kNone) {
    return look;
  }
  look.history = job_history(index);
  const Sealers sealers = sealers_of(index, look, pace);
  const JobHistory& history = look.history;
  const uint64_t ahead =
      sealers == Sealers::kAtWork
          ? sealed_ahead({history.sealing, history.sealing_rows, history.seal_pace})
          : 0;
  look.pressure = back_pressure({look.tail.unsealed.rows, ahead, on_the_way, sealers}, limits);
  return look;
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

// Pays for the rows added since the last look.
void pay(const BackPressure& pressure, const Pace& pace) {
  sleep_for(static_cast<int64>(slowdown_delay(pressure, std::max<uint64_t>(pace.rows, 1))));
}

void wait_a_moment() { sleep_for(100 * kMillisecond); }

// What helping has come to, for the next times; whether it has got anywhere.
bool has_helped(Help result, Pace* pace) {
  const TimestampTz now = GetCurrentTimestamp();
  if (result == Help::kFailed || result == Help::kTooLong) {
    pace->no_help = now + 10 * kSecond;
  }
  if (result == Help::kInPart || result == Help::kTooLong) {
    pace->no_merge = now + 600 * kSecond;
  }
  return result == Help::kDone || result == Help::kInPart;
}

bool may_help(const Pace& pace) {
  return !IsInParallelMode() && GetCurrentTimestamp() >= pace.no_help;
}

bool may_merge(const Pace& pace) { return GetCurrentTimestamp() >= pace.no_merge; }

// Whether this backend has sealed a share in a worker's stead.
bool has_sealed(Relation index, Pace* pace) {
  return may_help(*pace) && has_helped(seal_as_inserter(index, may_merge(*pace)), pace);
}

// Whether this backend has merged segments for which nobody else is there, so that the directory
// has room for what a seal makes.
bool has_made_room(Relation index, Pace* pace) {
  return may_help(*pace) && may_merge(*pace) && !is_backing_off(index, WorkCause::kMerge) &&
         can_make_room(index) && !is_at_work(index, IndexLock::kMerge, pace) &&
         has_helped(make_room_as_inserter(index), pace);
}

void warn(Relation index, const Tail& tail, const char* cause, const char* remedy) {
  ereport(WARNING,
          (errmsg("inserts into vseg index \"%s\" are held up", RelationGetRelationName(index)),
           errdetail("%llu rows of it wait to be sealed. %s",
                     static_cast<unsigned long long>(tail.unsealed.rows), cause),
           errhint("%s", remedy)));
}

// Names what keeps rows from being sealed as fast as they come, and what to do about it.
void tell_cause(Relation index, const Look& look) {
  const Tail& tail = look.tail;
  const JobHistory& history = look.history;
  const int64 retry_in = history.retry_in[background_place(
      look.pressure.admission == Admission::kCannotSeal && tail.has_room ? WorkCause::kSeal
                                                                         : WorkCause::kMerge)];
  if (look.pressure.admission == Admission::kNobodySealing) {
    warn(index, tail, "No background worker is free to seal them, so this session does.",
         "Increase vseg.max_workers and max_worker_processes.");
  } else if (look.pressure.admission != Admission::kCannotSeal) {
    warn(index, tail,
         history.seal_pace > 0
             ? psprintf("One background worker seals them, %.0f rows a second of late.",
                        history.seal_pace)
             : "Somebody is sealing them, more slowly than they come.",
         "Increase vseg.merge_threads, or insert more slowly.");
  } else if (retry_in > 0) {
    warn(index, tail,
         psprintf("The last background job failed: %s. The next one is started in %lld seconds.",
                  history.failed_message, static_cast<long long>(retry_in) / kSecond + 1),
         "Look into the server log and into vseg_stats.");
  } else {
    warn(index, tail, "The directory of the index lists as many segments as it can.",
         "Increase vseg.max_workers and max_worker_processes, so that segments are merged.");
  }
}

// Tells the user once a minute: at once where nothing is sealed, else when the inserts of this
// session were held up for ten seconds of it.
void note_hold_up(Relation index, const Look& look, TimestampTz since, Pace* pace) {
  const TimestampTz now = GetCurrentTimestamp();
  if (now - pace->minute >= kMinute) {
    pace->minute = now;
    pace->held_up = 0;
    pace->told = false;
  }
  pace->held_up += std::max<int64>(now - since, 0);
  if (!pace->told &&
      (look.pressure.admission == Admission::kCannotSeal || pace->held_up >= 10 * kSecond)) {
    pace->told = true;
    tell_cause(index, look);
  }
}

// Holds up an inserter as long as it has to; returns how long that was, in microseconds.
int64 wait_for_admission(Relation index, Pace* pace) {
  const TimestampTz start = GetCurrentTimestamp();
  TimestampTz since = start;
  for (bool admitted = false; !admitted; since = GetCurrentTimestamp()) {
    const Look look = look_at_pressure(index, pace);
    const BackPressure& pressure = look.pressure;
    switch (pressure.admission) {
      case Admission::kNone:
        // The tail is short: searches look at all of it in no time.
        pace->watch = false;
        pace->unanswered = 0;
        return since - start;
      case Admission::kCannotSeal:
        // Waiting makes the tail no shorter, so nobody is stopped. Where segments fill the
        // directory, and no worker is free to merge any, this backend has to.
        admitted = true;
        if (look.tail.has_room || !has_made_room(index, pace)) {
          pay(pressure, *pace);
        }
        break;
      case Admission::kNobodySealing:
        // No worker is free: this backend seals a share. Where it cannot, others might, so it waits
        // as for a worker, but not for long.
        if (has_sealed(index, pace)) {
          admitted = !pressure.full;
        } else if (!pressure.full) {
          pay(pressure, *pace);
          admitted = true;
        } else {
          wait_a_moment();
          admitted = GetCurrentTimestamp() - start > kMinute;
        }
        break;
      case Admission::kSlowDown:
        // Rows come faster than they are sealed: each pays its share of the difference.
        pay(pressure, *pace);
        admitted = true;
        break;
      case Admission::kStop:
        // The tail is as long as it may get: until the next seal is done nobody adds to it. But
        // what takes that long does not come to an end soon.
        wait_a_moment();
        admitted = GetCurrentTimestamp() - start > 10 * kMinute;
        break;
    }
    note_hold_up(index, look, since, pace);
  }
  return GetCurrentTimestamp() - start;
}

// No worker sees a temporary table: whoever inserts into it seals and merges, share by share. Rows
// of its own transaction are sealed as any; a search that it has under way keeps its pages, since
// its transaction ID is older than the stamp on what is displaced.
void seal_own_tail(Relation index, Pace* pace) {
  if (!pace->watch || !may_help(*pace)) {
    return;
  }
  pace->watch = false;
  if (look_at_tail(index).unsealed.rows >= static_cast<uint64_t>(tail_seal_rows()) &&
      !is_backing_off(index, WorkCause::kSeal)) {
    has_sealed(index, pace);
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

}  // namespace

void rows_appended(Relation index, const Appended& appended, size_t count) {
  const int seal_rows = tail_seal_rows();
  if (seal_rows == 0) {
    return;
  }
  Pace* pace = pace_of(index);
  if (!can_be_maintained(index)) {
    pace->watch = pace->watch || appended.grown;
    return;
  }
  pace->rows += count;
  if (!appended.grown) {
    return;
  }
  pace->watch = true;
  const Tail tail = look_at_tail(index);
  if (tail.unsealed.rows < static_cast<uint64_t>(seal_rows)) {
    return;
  }
  if (is_index_lock_taken(index, IndexLock::kSeal) ||
      !start_worker_for(index, WorkCause::kSeal, seal_rows)) {
    freeze_if_long(index, appended, tail);
  }
}

void admit_rows(Relation index) {
  if (tail_seal_rows() == 0) {
    return;
  }
  Pace* pace = pace_of(index);
  if (RelationUsesLocalBuffers(index)) {
    seal_own_tail(index, pace);
    return;
  }
  if (!can_be_maintained(index)) {
    return;
  }
  if (!pace->watch && pace->rows < unwatched_rows()) {
    return;
  }
  const int64 held_up = wait_for_admission(index, pace);
  if (held_up > 0) {
    count_stall(index, static_cast<uint64>(held_up));
  }
  pace->rows = 0;
}

}  // namespace pg
}  // namespace vseg
