// Recall and time per query over ef_search, of several tables in turns.
#pragma once

#include <vector>

#include "bench.h"
#include "comparison.h"

namespace vseg_bench {

// A table with an index, to be searched.
struct Searched {
  IndexKind kind;
  std::string table;
  std::string label;
  size_t rows;
  const ExactAnswers* exact;  // over those rows
};

struct Curves {
  std::vector<LabelledCurve> server;  // all queries in one statement
  std::vector<LabelledCurve> client;  // a prepared statement a query
};

// Searches for k rows, and prints a table of the points. At each ef_search a warm-up and the recall
// come first, then the repeats of all tables in turns, the order reversed each time. A table is
// left out once its recall has reached options.until with an ef_search of at least k.
Curves MeasureCurves(Bench* bench, const std::vector<Searched>& tables, size_t k);

}  // namespace vseg_bench
