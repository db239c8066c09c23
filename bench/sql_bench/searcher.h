// Searches through SQL: inside the server by one LATERAL statement, and by a client's prepared
// statement, one query at a time.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bench.h"

namespace vseg_bench {

struct ClientTimes {
  double mean_us;
  double p50_us;
  double p99_us;
};

struct QueryBuffers {
  double hit;   // pages found in shared buffers
  double read;  // pages that were not
  double ms;    // of execution
};

class Searcher {
 public:
  // Queries for k rows of `table` through its index, which every plan is checked to use.
  Searcher(Bench* bench, IndexKind kind, std::string table, size_t k);
  // The same through another connection than the benchmark's own.
  Searcher(Bench* bench, Session* session, IndexKind kind, std::string table, size_t k);

  // Sets ef_search from now on; 0 means the default.
  void SetEf(size_t ef);
  // The rows found for every query; also warms the cache.
  std::vector<std::vector<int64_t>> Answers();
  double Recall(const ExactAnswers& exact);
  // Microseconds a query inside the server: all queries in one statement.
  double ServerTime();
  ClientTimes ClientTime();
  // One query at a time: microseconds of a prepared statement, which CheckNearestPlan checks and
  // deallocates.
  void PrepareNearest();
  double NearestTime(size_t query);
  void CheckNearestPlan();
  // What one query reads, by EXPLAIN (ANALYZE, BUFFERS).
  QueryBuffers Buffers(size_t query);

 private:
  std::string LateralSql(const std::string& columns) const;
  std::string NearestSql() const;
  void CheckPlan(const std::string& explain);

  Bench* bench_;
  Session* session_;
  IndexKind kind_;
  std::string table_;
  size_t k_;
};

}  // namespace vseg_bench
