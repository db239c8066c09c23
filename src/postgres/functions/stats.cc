// vseg_stats(regclass): what has been done to the index, by cause.
#include "postgres/boundary/postgres_headers.h"

#include <cmath>

extern "C" {
#include "funcapi.h"
#include "utils/builtins.h"
}

#include "postgres/functions/open_index.h"
#include "postgres/statistics/index_statistics.h"
#include "postgres/directory/metapage.h"

namespace vseg {
namespace pg {
namespace {

// Columns of the result, in their order.
enum Column {
  kCause,
  kRuns,
  kFailures,
  kRows,
  kDistances,
  kPageBytes,
  kWalBytes,
  kTotalTime,
  kRowAmplification,
  kByteAmplification,
  kLastFailure,
  kLastFailed,
  kRetryAt,
  kLateRows,
  kSince,
  kColumns
};

// A row of the result; what is not put is null.
class ResultRow {
 public:
  ResultRow(const char* cause, int64_t since) {
    memset(nulls_, true, sizeof(nulls_));
    put(kCause, CStringGetTextDatum(cause));
    if (since != 0) {
      put(kSince, TimestampTzGetDatum(since));
    }
  }

  void put(Column column, Datum value) {
    values_[column] = value;
    nulls_[column] = false;
  }
  void put_count(Column column, uint64_t value) {
    put(column, Int64GetDatum(static_cast<int64>(value)));
  }
  void put_number(Column column, double value) { put(column, Float8GetDatum(value)); }

  void store(ReturnSetInfo* result) {
    tuplestore_putvalues(result->setResult, result->setDesc, values_, nulls_);
  }

 private:
  Datum values_[kColumns] = {};
  bool nulls_[kColumns];
};

double milliseconds(uint64_t microseconds) { return static_cast<double>(microseconds) / 1000; }

// Further digits of a ratio say nothing: what is counted varies more from run to run.
double rounded(double ratio) { return std::round(ratio * 1000) / 1000; }

// Vectors that came in from the heap.
uint64_t ingested_rows(const Statistics& statistics) {
  return statistics.work[static_cast<size_t>(WorkCause::kBuild)].rows +
         statistics.work[static_cast<size_t>(WorkCause::kFlush)].rows;
}

void put_amplification(const Statistics& statistics, uint32_t dimensions, const WorkCounts& work,
                       ResultRow* row) {
  const auto ingested = static_cast<double>(ingested_rows(statistics));
  if (ingested > 0) {
    const double bytes = ingested * dimensions * sizeof(float);
    row->put_number(kRowAmplification, rounded(static_cast<double>(work.rows) / ingested));
    row->put_number(kByteAmplification,
                    rounded(static_cast<double>(work.page_bytes + work.wal_bytes) / bytes));
  }
}

void put_failure(const Statistics& statistics, ResultRow* row) {
  const char* message = statistics.failed_message;
  const auto length = strnlen(message, sizeof(statistics.failed_message));
  row->put(kLastFailure, PointerGetDatum(cstring_to_text_with_len(message, length)));
  row->put(kLastFailed, TimestampTzGetDatum(statistics.failed_at));
}

void store_work(const Statistics& statistics, uint32_t dimensions, WorkCause cause,
                ReturnSetInfo* result) {
  const WorkCounts& work = statistics.work[static_cast<size_t>(cause)];
  ResultRow row(cause_name(cause), statistics.since);
  row.put_count(kRuns, work.times);
  row.put_count(kFailures, work.failures);
  row.put_count(kRows, work.rows);
  row.put_count(kDistances, work.distances);
  row.put_count(kPageBytes, work.page_bytes);
  row.put_count(kWalBytes, work.wal_bytes);
  row.put_number(kTotalTime, milliseconds(work.microseconds));
  put_amplification(statistics, dimensions, work, &row);
  if (statistics.failed_at != 0 && statistics.failed_cause == cause) {
    put_failure(statistics, &row);
  }
  if (is_background(cause) && statistics.retry_at[background_place(cause)] != 0) {
    row.put(kRetryAt, TimestampTzGetDatum(statistics.retry_at[background_place(cause)]));
  }
  row.store(result);
}

void store_waits(const Statistics& statistics, ReturnSetInfo* result) {
  ResultRow stalls("stall", statistics.since);
  stalls.put_count(kRuns, statistics.stalls);
  stalls.put_number(kTotalTime, milliseconds(statistics.stall_microseconds));
  stalls.store(result);
  ResultRow workers("worker", statistics.since);
  workers.put_count(kRuns, statistics.workers_started);
  workers.put_count(kFailures, statistics.workers_refused);
  workers.store(result);
}

void store_searches(const Statistics& statistics, ReturnSetInfo* result) {
  ResultRow searches("search", statistics.since);
  searches.put_count(kRuns, statistics.late_searches);
  searches.put_count(kLateRows, statistics.late_rows);
  searches.store(result);
}

}  // namespace
}  // namespace pg
}  // namespace vseg

extern "C" {

PG_FUNCTION_INFO_V1(vseg_stats);
PGDLLEXPORT Datum vseg_stats(PG_FUNCTION_ARGS) {
  using namespace vseg::pg;
  InitMaterializedSRF(fcinfo, 0);
  Relation index = open_vseg_index(PG_GETARG_OID(0), AccessShareLock, Audience::kOwnerOrMonitor);
  vseg::Metapage metapage;
  read_metapage(index, &metapage);
  vseg::Statistics statistics;
  read_statistics(index, &statistics);
  auto* result = reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo);
  for (uint32_t cause = 0; cause < vseg::kWorkCauses; cause++) {
    store_work(statistics, metapage.dimensions, static_cast<vseg::WorkCause>(cause), result);
  }
  store_waits(statistics, result);
  store_searches(statistics, result);
  relation_close(index, AccessShareLock);
  return static_cast<Datum>(0);
}

}  // extern "C"
