// See src/postgres/README.md for why the page is changed without WAL.
#include "postgres/statistics/index_statistics.h"

#include <algorithm>

extern "C" {
#include "access/xlog.h"
#include "mb/pg_wchar.h"
#include "utils/timestamp.h"
}

#include "engine/compaction/back_pressure.h"
#include "postgres/pages/pages.h"

namespace vseg {
namespace pg {
namespace {

constexpr PageExpectation kStatisticsPage = {PageKind::kStatistics, 0};

void add(const WorkCounts& work, WorkCounts* sum) {
  sum->times += work.times;
  sum->failures += work.failures;
  sum->rows += work.rows;
  sum->distances += work.distances;
  sum->page_bytes += work.page_bytes;
  sum->wal_bytes += work.wal_bytes;
  sum->microseconds += work.microseconds;
}

WorkCounts* work_of(Statistics* statistics, WorkCause cause) {
  return &statistics->work[static_cast<size_t>(cause)];
}

// The page, exclusively locked, with counters that may be changed; else InvalidBuffer. A page whose
// checksum is wrong is taken for an empty one: counters are not worth a failed insert.
Buffer lock_statistics(Relation index, Statistics** statistics) {
  if (RecoveryInProgress()) {
    return InvalidBuffer;
  }
  Buffer buffer =
      ReadBufferExtended(index, MAIN_FORKNUM, kStatisticsBlock, RBM_ZERO_ON_ERROR, nullptr);
  LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
  Page page = BufferGetPage(buffer);
  if (PageIsNew(page)) {
    init_statistics(page, MAIN_FORKNUM);
  }
  if (page_problem(page, kStatisticsPage) != nullptr) {
    UnlockReleaseBuffer(buffer);
    return InvalidBuffer;
  }
  *statistics = payload_as<Statistics>(page);
  if ((*statistics)->since == 0) {
    (*statistics)->since = GetCurrentTimestamp();
  }
  return buffer;
}

// As a hint bit is set: with checksums a full image is logged at the first change after a
// checkpoint, so that a torn write cannot make the page invalid; else nothing is logged.
void unlock_statistics(Buffer buffer) {
  MarkBufferDirtyHint(buffer, true);
  UnlockReleaseBuffer(buffer);
}

void keep_message(const char* message, Statistics* statistics) {
  char* to = statistics->failed_message;
  constexpr int kRoom = sizeof(statistics->failed_message) - 1;
  const int length = pg_mbcliplen(message, static_cast<int>(strlen(message)), kRoom);
  memset(to, 0, kRoom + 1);
  strlcpy(to, message, static_cast<size_t>(length) + 1);
}

void note_success(WorkCause cause, const WorkCounts& work, Statistics* statistics) {
  if (cause == WorkCause::kSeal) {
    statistics->sealing_since = 0;
    statistics->seal_pace =
        static_cast<float>(seal_pace(statistics->seal_pace, work.rows, work.microseconds));
  }
  if (is_background(cause)) {
    statistics->in_a_row[background_place(cause)] = 0;
    statistics->retry_at[background_place(cause)] = 0;
  }
}

void note_failure(WorkCause cause, const WorkCounts& part, const JobFailure& failure,
                  Statistics* statistics) {
  const TimestampTz now = GetCurrentTimestamp();
  const uint32_t place = background_place(cause);
  work_of(statistics, cause)->failures++;
  statistics->failed_at = now;
  statistics->failed_cause = cause;
  keep_message(failure.message, statistics);
  if (failure.retry_later) {
    const uint32_t in_a_row = ++statistics->in_a_row[place];
    statistics->retry_at[place] =
        now + static_cast<int64>(retry_delay(in_a_row, part.microseconds));
  }
}

// A clock that was set back does not keep anybody waiting for longer than from the failure on.
int64 time_until_retry(const Statistics& statistics, uint32_t place, TimestampTz now) {
  return now < statistics.failed_at ? 0 : std::max<int64>(statistics.retry_at[place] - now, 0);
}

}  // namespace

WorkStart start_work() {
  WorkStart start;
  start.pages_dirtied = pgBufferUsage.shared_blks_dirtied + pgBufferUsage.local_blks_dirtied;
  start.wal_bytes = pgWalUsage.wal_bytes;
  INSTR_TIME_SET_CURRENT(start.time);
  return start;
}

WorkCounts work_since(const WorkStart& start) {
  const WorkStart now = start_work();
  instr_time elapsed = now.time;
  INSTR_TIME_SUBTRACT(elapsed, start.time);
  WorkCounts work{};
  work.page_bytes = static_cast<uint64_t>(now.pages_dirtied - start.pages_dirtied) * BLCKSZ;
  work.wal_bytes = now.wal_bytes - start.wal_bytes;
  work.microseconds = INSTR_TIME_GET_MICROSEC(elapsed);
  return work;
}

void count_work(Relation index, WorkCause cause, WorkCounts work) {
  Statistics* statistics = nullptr;
  Buffer buffer = lock_statistics(index, &statistics);
  if (BufferIsValid(buffer)) {
    work.times = 1;
    add(work, work_of(statistics, cause));
    note_success(cause, work, statistics);
    unlock_statistics(buffer);
  }
}

void count_part(Relation index, WorkCause cause, const WorkCounts& part,
                const JobFailure* failure) {
  Statistics* statistics = nullptr;
  Buffer buffer = lock_statistics(index, &statistics);
  if (!BufferIsValid(buffer)) {
    return;
  }
  add(part, work_of(statistics, cause));
  if (cause == WorkCause::kSeal) {
    statistics->sealing_since = 0;
  }
  if (failure != nullptr) {
    note_failure(cause, part, *failure, statistics);
  }
  unlock_statistics(buffer);
}

void begin_seal(Relation index, uint64_t rows) {
  Statistics* statistics = nullptr;
  Buffer buffer = lock_statistics(index, &statistics);
  if (BufferIsValid(buffer)) {
    statistics->sealing_since = GetCurrentTimestamp();
    statistics->sealing_rows = static_cast<uint32_t>(std::min<uint64_t>(rows, UINT32_MAX));
    unlock_statistics(buffer);
  }
}

JobHistory job_history(Relation index) {
  JobHistory history = {};
  Buffer buffer =
      ReadBufferExtended(index, MAIN_FORKNUM, kStatisticsBlock, RBM_ZERO_ON_ERROR, nullptr);
  LockBuffer(buffer, BUFFER_LOCK_SHARE);
  Page page = BufferGetPage(buffer);
  if (!PageIsNew(page) && page_problem(page, kStatisticsPage) == nullptr) {
    const auto* statistics = payload_as<Statistics>(page);
    const TimestampTz now = GetCurrentTimestamp();
    if (statistics->sealing_since != 0) {
      history.sealing = std::max<int64>(now - statistics->sealing_since, 0);
    }
    history.sealing_rows = statistics->sealing_rows;
    history.seal_pace = statistics->seal_pace;
    for (uint32_t place = 0; place < kBackgroundCauses; place++) {
      history.retry_in[place] = time_until_retry(*statistics, place, now);
    }
    strlcpy(history.failed_message, statistics->failed_message, sizeof(history.failed_message));
  }
  UnlockReleaseBuffer(buffer);
  return history;
}

bool is_backing_off(Relation index, WorkCause cause) {
  return job_history(index).retry_in[background_place(cause)] > 0;
}

namespace {

void count_with_amount(Relation index, uint64_t Statistics::*times, uint64_t Statistics::*sum,
                       uint64 amount) {
  Statistics* statistics = nullptr;
  Buffer buffer = lock_statistics(index, &statistics);
  if (BufferIsValid(buffer)) {
    statistics->*times += 1;
    statistics->*sum += amount;
    unlock_statistics(buffer);
  }
}

}  // namespace

void count_stall(Relation index, uint64 microseconds) {
  count_with_amount(index, &Statistics::stalls, &Statistics::stall_microseconds, microseconds);
}

void count_late_rows(Relation index, uint64 rows) {
  count_with_amount(index, &Statistics::late_searches, &Statistics::late_rows, rows);
}

void count_worker(Relation index, bool started) {
  Statistics* statistics = nullptr;
  Buffer buffer = lock_statistics(index, &statistics);
  if (BufferIsValid(buffer)) {
    (started ? statistics->workers_started : statistics->workers_refused)++;
    unlock_statistics(buffer);
  }
}

bool claim_idle_tail(Relation index, int64 interval) {
  Statistics* statistics = nullptr;
  Buffer buffer = lock_statistics(index, &statistics);
  if (!BufferIsValid(buffer)) {
    return false;
  }
  const TimestampTz now = GetCurrentTimestamp(), last = statistics->searched_idle_at;
  // A clock that was set back does not keep anybody waiting.
  const bool claimed = now < last || now - last >= interval;
  if (claimed) {
    statistics->searched_idle_at = now;
    unlock_statistics(buffer);
  } else {
    UnlockReleaseBuffer(buffer);
  }
  return claimed;
}

void record_build(Relation index, const WorkCounts& work) {
  Buffer buffer = read_locked(index, kStatisticsBlock, BUFFER_LOCK_EXCLUSIVE, kStatisticsPage);
  START_CRIT_SECTION();
  WorkCounts* sum = work_of(payload_as<Statistics>(BufferGetPage(buffer)), WorkCause::kBuild);
  add(work, sum);
  sum->times++;
  MarkBufferDirty(buffer);
  if (RelationNeedsWAL(index)) {
    log_newpage_buffer(buffer, true);
  }
  END_CRIT_SECTION();
  UnlockReleaseBuffer(buffer);
}

// The init fork's counters begin when they are first changed, after a crash has brought them back.
void init_statistics(Page page, ForkNumber fork) {
  init_page(page, kStatisticsPage, sizeof(Statistics));
  payload_as<Statistics>(page)->since = fork == INIT_FORKNUM ? 0 : GetCurrentTimestamp();
}

void read_statistics(Relation index, Statistics* copy) {
  Buffer buffer = read_locked(index, kStatisticsBlock, BUFFER_LOCK_SHARE, kStatisticsPage);
  *copy = *payload_as<Statistics>(BufferGetPage(buffer));
  UnlockReleaseBuffer(buffer);
}

const char* cause_name(WorkCause cause) {
  switch (cause) {
    case WorkCause::kBuild:
      return "build";
    case WorkCause::kFlush:
      return "flush";
    case WorkCause::kSeal:
      return "seal";
    case WorkCause::kMerge:
      return "merge";
  }
  return "unknown";
}

}  // namespace pg
}  // namespace vseg
