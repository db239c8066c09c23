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

class Searcher {
 public:
  // Queries of `table` through its index, which every plan is checked to use.
  Searcher(Bench* bench, IndexKind kind, std::string table);

  // Sets ef_search from now on; 0 means the default.
  void SetEf(size_t ef);
  // The rows found for every query; also warms the cache.
  std::vector<std::vector<int64_t>> Answers();
  double Recall(const ExactAnswers& exact);
  // Microseconds a query inside the server: all queries in one statement.
  double ServerTime();
  ClientTimes ClientTime();

 private:
  std::string LateralSql(const std::string& columns) const;
  void CheckPlan(const std::string& explain);

  Bench* bench_;
  Session* session_;
  IndexKind kind_;
  std::string table_;
};

}  // namespace vseg_bench
