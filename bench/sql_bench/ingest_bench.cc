// Rows per second into an empty table with each index and with none.
#include <algorithm>

#include "bench.h"
#include "report.h"

namespace vseg_bench {
namespace {

constexpr char kTable[] = "ingest";

size_t RowCount(const Bench& bench, LoadMethod method) {
  size_t rows = method == LoadMethod::kRowsSingleCommits ? bench.options.commit_rows
                                                         : bench.options.insert_rows;
  return std::min(rows, bench.data.base.rows);
}

// kind: null for a table without an index.
double RowsPerSecond(Bench* bench, const IndexKind* kind, LoadMethod method) {
  CreateTable(bench, kTable);
  if (kind != nullptr) {
    bench->session->Command(CreateIndexSql(*bench, *kind, kTable));
  }
  bench->session->Command("CHECKPOINT");
  size_t rows = RowCount(*bench, method);
  double seconds = LoadRows(bench->session, kTable, bench->data.base, {0, rows}, method);
  return static_cast<double>(rows) / seconds;
}

void MeasureMethod(Bench* bench, LoadMethod method, Table* report) {
  std::vector<const IndexKind*> kinds = {nullptr};
  for (const IndexKind& kind : bench->kinds) {
    kinds.push_back(&kind);
  }
  std::vector<std::vector<double>> rates(kinds.size());
  Progress(LoadMethodName(method));
  for (size_t repeat = 0; repeat < bench->options.repeat; repeat++) {
    for (size_t i = 0; i < kinds.size(); i++) {
      rates[i].push_back(RowsPerSecond(bench, kinds[i], method));
    }
  }
  for (size_t i = 0; i < kinds.size(); i++) {
    report->Row({LoadMethodName(method), std::to_string(RowCount(*bench, method)),
                 kinds[i] == nullptr ? "no index" : kinds[i]->label, Spread(rates[i], 0)});
  }
}

}  // namespace

void RunIngest(Bench* bench) {
  Heading("ingest: rows per second into an empty table, one client");
  Table report({"how", "rows", "index", "rows/s, median (range)"});
  for (LoadMethod method : {LoadMethod::kCopy, LoadMethod::kMultiRowInsert,
                            LoadMethod::kRowsInOneTransaction, LoadMethod::kRowsSingleCommits}) {
    MeasureMethod(bench, method, &report);
  }
  bench->session->Command(std::string("DROP TABLE ") + kTable);
  report.Print();
}

}  // namespace vseg_bench
