// What a search costs when rows were inserted after the index was built.
#include <algorithm>

#include "bench.h"
#include "report.h"
#include "searcher.h"

namespace vseg_bench {
namespace {

// Rows of one commit: small enough to stay below any memory cap that would write them elsewhere
// than in the tail.
constexpr size_t kRowsPerCommit = 1000;

constexpr size_t kFewestBuiltRows = 1000;

std::vector<size_t> PossibleTails(const Bench& bench) {
  std::vector<size_t> tails;
  for (size_t tail : bench.options.tail) {
    if (tail + kFewestBuiltRows <= bench.data.base.rows) {
      tails.push_back(tail);
    } else {
      Paragraph("A tail of " + std::to_string(tail) +
                " rows is left out: the data has too few rows.");
    }
  }
  return tails;
}

std::string TailTable(const IndexKind& kind) { return "tail_" + kind.method; }

void GrowTail(Bench* bench, const IndexKind& kind, RowRange range) {
  for (size_t begin = range.begin; begin < range.end; begin += kRowsPerCommit) {
    LoadRows(bench->session, TailTable(kind), bench->data.base,
             {begin, std::min(begin + kRowsPerCommit, range.end)}, LoadMethod::kCopy);
  }
}

void MeasureTail(Bench* bench, size_t tail, const ExactAnswers& exact, Table* report) {
  std::vector<Searcher> searchers;
  std::vector<double> recalls;
  std::vector<std::vector<double>> times(bench->kinds.size());
  for (const IndexKind& kind : bench->kinds) {
    Searcher& searcher = searchers.emplace_back(bench, kind, TailTable(kind), bench->options.k[0]);
    searcher.SetEf(0);
    recalls.push_back(searcher.Recall(exact));
  }
  for (size_t repeat = 0; repeat < bench->options.repeat; repeat++) {
    for (size_t i = 0; i < searchers.size(); i++) {
      times[i].push_back(searchers[i].ServerTime());
    }
  }
  for (size_t i = 0; i < searchers.size(); i++) {
    report->Row(
        {bench->kinds[i].label, std::to_string(tail), Spread(times[i], 1), Number(recalls[i], 4)});
  }
}

}  // namespace

void RunTail(Bench* bench) {
  Heading("tail: rows inserted after the build, default search settings");
  std::vector<size_t> tails = PossibleTails(*bench);
  if (tails.empty()) {
    return;
  }
  LoadTwins(bench);
  size_t built = bench->data.base.rows - tails.back();
  for (const IndexKind& kind : bench->kinds) {
    BuildTable(bench, kind, TailTable(kind), built);
  }
  Table report({"index", "tail rows", "us a query in the server",
                "recall@" + std::to_string(bench->options.k[0])});
  ExactAnswers exact(bench->data, bench->options.k[0]);
  size_t rows = built;
  for (size_t tail : tails) {
    Progress("tail of " + std::to_string(tail) + " rows");
    for (const IndexKind& kind : bench->kinds) {
      GrowTail(bench, kind, {rows, built + tail});
    }
    rows = built + tail;
    exact.Extend(rows);
    MeasureTail(bench, tail, exact, &report);
  }
  Paragraph("Built over " + std::to_string(built) +
            " rows; the tail came by COPY, 1,000 rows a commit.");
  report.Print();
  for (const IndexKind& kind : bench->kinds) {
    PrintSegments(bench, kind, TailTable(kind));
    bench->session->Command("DROP TABLE " + TailTable(kind));
  }
}

}  // namespace vseg_bench
