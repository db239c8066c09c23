// Recall and time per query over ef_search, for all indexes in turns, and the times at equal
// recall.
#include <cstddef>

#include "bench.h"
#include "comparison.h"
#include "report.h"
#include "sweep.h"

namespace vseg_bench {
namespace {

std::string SearchedTable(const Bench& bench, const IndexKind& kind, const std::string& storage) {
  return TwinTable(kind) + (storage == bench.options.storage[0] ? "" : "_" + storage);
}

// The twin with this storage of the vector column, indexed.
Searched PrepareTwin(Bench* bench, const IndexKind& kind, const std::string& storage) {
  std::string table = SearchedTable(*bench, kind, storage);
  if (!Exists(bench->session, table)) {
    Progress("loading " + table);
    CreateTable(bench, table, storage);
    LoadRows(bench->session, table, bench->data.base, {0, bench->data.base.rows},
             LoadMethod::kCopy);
    Settle(bench, table);
  }
  EnsureIndex(bench, kind, table);
  bool several = bench->options.storage.size() > 1;
  return {kind, table, kind.label + (several ? ", " + storage : ""), bench->data.base.rows,
          &bench->exact};
}

// Those of one storage after those of another, the kinds in their order.
std::vector<Searched> PrepareTwins(Bench* bench) {
  std::vector<Searched> tables;
  for (const std::string& storage : bench->options.storage) {
    for (const IndexKind& kind : bench->kinds) {
      tables.push_back(PrepareTwin(bench, kind, storage));
    }
  }
  return tables;
}

// A table for each storage.
void PrintEqualRecalls(const Bench& bench, const std::vector<LabelledCurve>& curves) {
  auto kinds = static_cast<std::ptrdiff_t>(bench.kinds.size());
  for (auto first = curves.begin(); first != curves.end(); first += kinds) {
    PrintEqualRecall({first, first + kinds}, bench.options.recall_targets);
  }
}

}  // namespace

void RunSearch(Bench* bench) {
  Heading("search: recall and time over ef_search, warm cache");
  LoadTwins(bench);
  std::vector<Searched> tables = PrepareTwins(bench);
  bench->exact.Extend(bench->data.base.rows);
  Paragraph(
      "In the server: all queries in one statement by a LATERAL join, median (range) of the "
      "repeats, the indexes in turns. By a client: a prepared statement for each query over a "
      "Unix socket, medians of the repeats.");
  for (size_t k : bench->options.k) {
    Curves curves = MeasureCurves(bench, tables, k);
    Paragraph(
        "At equal recall, by interpolation of log(time) over recall. \"below\" gives the time and "
        "the recall of the cheapest point where that recall is higher already; a ratio to that is "
        "a lower bound.");
    PrintEqualRecalls(*bench, curves.server);
    PrintEqualRecalls(*bench, curves.client);
    if (!bench->options.curve.empty()) {
      WriteCurves(bench->options.curve + "-k" + std::to_string(k) + ".tsv", curves.server);
    }
  }
}

}  // namespace vseg_bench
