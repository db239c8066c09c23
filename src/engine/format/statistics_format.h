// The statistics page: what has been done to an index since it was built. On disk.
//
// A page of counters that nothing depends on: it is changed without WAL and may fall back in a
// crash (src/postgres/README.md). At most a search asks for a worker once more then, or a
// job that has failed is tried again too soon.
#ifndef VSEG_ENGINE_FORMAT_STATISTICS_FORMAT_H_
#define VSEG_ENGINE_FORMAT_STATISTICS_FORMAT_H_

#include <cstddef>
#include <cstdint>

#include "engine/common/types.h"
#include "engine/format/page_format.h"

namespace vseg {

constexpr BlockNo kStatisticsBlock = 2;

// Why vectors are written. On disk: the place in Statistics::work.
enum class WorkCause : uint8_t {
  kBuild = 0,  // CREATE INDEX, REINDEX: the heap's rows into segments
  kFlush = 1,  // a transaction's rows into append pages
  kSeal = 2,   // appended rows into segments
  kMerge = 3,  // segments, and perhaps appended rows, into others
};
constexpr uint32_t kWorkCauses = 4;

// Seals and merges, which background workers do: the place of each in what is kept for them alone.
constexpr uint32_t kBackgroundCauses = 2;
constexpr bool is_background(WorkCause cause) {
  return cause == WorkCause::kSeal || cause == WorkCause::kMerge;
}
constexpr uint32_t background_place(WorkCause cause) { return cause == WorkCause::kMerge ? 1 : 0; }

struct WorkCounts {
  uint64_t times;         // that it was done to its end
  uint64_t failures;      // background jobs that ended with an error
  uint64_t rows;          // vectors written
  uint64_t distances;     // computed between vectors to build graphs
  uint64_t page_bytes;    // of pages made dirty
  uint64_t wal_bytes;     // full images included
  uint64_t microseconds;  // from begin to end, waits included
};

struct Statistics {
  int64_t since;  // TimestampTz of PostgreSQL (microseconds since 2000-01-01); 0: not yet begun
  WorkCounts work[kWorkCauses];
  uint64_t stalls;  // inserters held up because the tail is long
  uint64_t stall_microseconds;
  uint64_t workers_started;
  uint64_t workers_refused;  // for want of a slot in max_worker_processes
  int64_t failed_at;         // TimestampTz of the last failure of a background job; 0: none
  WorkCause failed_cause;
  char failed_message[151];  // of the last failure, in the database's encoding; ends with 0
  int64_t searched_idle_at;  // TimestampTz when a search last asked for a worker; 0: never
  int64_t sealing_since;     // TimestampTz when the seal under way began; 0: none is
  uint32_t sealing_rows;     // that it takes out of the tail
  float seal_pace;           // rows a second of late; 0: unknown
  int64_t retry_at[kBackgroundCauses];   // TimestampTz of the next attempt after a failure; else 0
  uint32_t in_a_row[kBackgroundCauses];  // failures since the last success
  uint64_t late_searches;  // statements' searches that returned a row after a farther one
  uint64_t late_rows;      // such rows
};

// The first sector of the page: a write that a crash interrupts leaves all of it old or new.
constexpr size_t kSectorBytes = 512;
static_assert(kPageHeaderSize + sizeof(Statistics) <= kSectorBytes);

}  // namespace vseg

#endif  // VSEG_ENGINE_FORMAT_STATISTICS_FORMAT_H_
