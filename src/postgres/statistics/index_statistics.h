// The counters of an index's statistics page.
#ifndef VSEG_POSTGRES_STATISTICS_INDEX_STATISTICS_H_
#define VSEG_POSTGRES_STATISTICS_INDEX_STATISTICS_H_

#include "postgres/boundary/postgres_headers.h"

extern "C" {
#include "executor/instrument.h"
#include "portability/instr_time.h"
}

#include "engine/format/statistics_format.h"

namespace vseg {
namespace pg {

// Where this backend's counters of pages, WAL and time stood when a piece of work began.
struct WorkStart {
  int64 pages_dirtied;
  uint64 wal_bytes;
  instr_time time;
};

WorkStart start_work();

// What this backend has done since: page_bytes, wal_bytes and microseconds; the rest is 0.
WorkCounts work_since(const WorkStart& start);

// The following add to the counters, under the page's buffer lock and without WAL; they do nothing
// on a standby. A page that is damaged starts anew. They raise errors only where the page cannot be
// read. Not to be called with a buffer lock held.

// `work` has been done to its end.
void count_work(Relation index, WorkCause cause, WorkCounts work);

// A background job has ended before its end, `part` of it done, null if it has merely given way;
// how it failed says when it is tried again.
struct JobFailure {
  const char* message;
  bool retry_later;  // not where somebody has only stopped this one
};
void count_part(Relation index, WorkCause cause, const WorkCounts& part, const JobFailure* failure);

// A seal of so many rows begins: inserters pay by how far it is.
void begin_seal(Relation index, uint64_t rows);

// What inserters and whoever starts workers go by; nothing is known of a page that is damaged.
struct JobHistory {
  int64 sealing;  // microseconds since the seal under way began; 0: none is
  uint64_t sealing_rows;
  double seal_pace;                   // rows a second; 0: unknown
  int64 retry_in[kBackgroundCauses];  // microseconds until a job that has failed is tried again
  char failed_message[sizeof(Statistics::failed_message)];
};
JobHistory job_history(Relation index);

// Whether jobs of that cause have failed, and the next attempt is not due yet.
bool is_backing_off(Relation index, WorkCause cause);

// An inserter was held up for so long because the tail is long.
void count_stall(Relation index, uint64 microseconds);

// A statement's searches in strict order returned so many rows after farther ones.
void count_late_rows(Relation index, uint64 rows);

// A background worker was asked for.
void count_worker(Relation index, bool started);

// Whether it is this long, in microseconds, that a search last asked for a worker; it asks now
// then.
bool claim_idle_tail(Relation index, int64 interval);

// As count_work, for ambuild: WAL-logged, so that what nobody will do again is known after a crash.
void record_build(Relation index, const WorkCounts& work);

// Fills an empty statistics page.
void init_statistics(Page page, ForkNumber fork);

// The counters as they are now. Raises ERRCODE_INDEX_CORRUPTED if the page is not what it should
// be.
void read_statistics(Relation index, Statistics* copy);

// Short name of a cause, for users.
const char* cause_name(WorkCause cause);

}  // namespace pg
}  // namespace vseg

#endif  // VSEG_POSTGRES_STATISTICS_INDEX_STATISTICS_H_
