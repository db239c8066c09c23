// Recall with default search settings, for every way in which rows get into an index.
#include <algorithm>

#include "bench.h"
#include "report.h"
#include "searcher.h"

namespace vseg_bench {
namespace {

constexpr char kPostgresDefaultMemory[] = "64MB";

struct Case {
  std::string table;
  std::string text;
  size_t rows;
  double seconds;
};

void AddRow(Bench* bench, const IndexKind& kind, const Case& measured, const ExactAnswers& exact,
            Table* report) {
  Searcher searcher(bench, kind, measured.table, bench->options.k[0]);
  searcher.SetEf(0);
  double recall = searcher.Recall(exact);
  std::vector<double> times;
  for (size_t repeat = 0; repeat < bench->options.repeat; repeat++) {
    times.push_back(searcher.ServerTime());
  }
  report->Row({kind.label, measured.text, std::to_string(measured.rows),
               Number(measured.seconds, 2), Number(recall, 4), Spread(times, 1),
               Megabytes(RelationBytes(bench->session, IndexName(measured.table)))});
}

// Rebuilds the twin's index under the given memory and drops it when it is not the usual one.
void BuiltIndex(Bench* bench, const IndexKind& kind, const std::string& memory, Table* report) {
  Session* session = bench->session;
  std::string table = TwinTable(kind);
  DropIndex(bench, kind);
  session->Command("SET maintenance_work_mem = '" + memory + "'");
  Progress(kind.label + ": CREATE INDEX with " + memory);
  double seconds = session->Seconds(CreateIndexSql(*bench, kind, table));
  session->Command("RESET maintenance_work_mem");
  bench->exact.Extend(bench->data.base.rows);
  AddRow(bench, kind,
         {table, "CREATE INDEX, maintenance_work_mem " + memory, bench->data.base.rows, seconds},
         bench->exact, report);
}

void FilledIndex(Bench* bench, const IndexKind& kind, LoadMethod method, ExactAnswers* exact,
                 Table* report) {
  Session* session = bench->session;
  std::string table = "recall_" + kind.method;
  size_t rows = method == LoadMethod::kRowsSingleCommits ? bench->options.commit_rows
                                                         : bench->options.insert_rows;
  rows = std::min(rows, bench->data.base.rows);
  Progress(kind.label + ": " + LoadMethodName(method));
  CreateTable(bench, table);
  session->Command(CreateIndexSql(*bench, kind, table));
  double seconds = LoadRows(session, table, bench->data.base, {0, rows}, method);
  session->Command("ANALYZE " + table);
  exact->Extend(rows);
  AddRow(bench, kind,
         {table, std::string("empty index, then ") + LoadMethodName(method), rows, seconds}, *exact,
         report);
  session->Command("DROP TABLE " + table);
}

}  // namespace

void RunRecall(Bench* bench) {
  Heading("recall: default search settings");
  LoadTwins(bench);
  Session* session = bench->session;
  Notices notices;
  session->TakeNotices();
  Table report({"index", "how rows came", "rows", "seconds",
                "recall@" + std::to_string(bench->options.k[0]), "us a query in the server",
                "index MB"});
  std::string memory = session->Value("SHOW maintenance_work_mem");
  // The single commits are the fewest rows, and exact answers only grow.
  std::vector<LoadMethod> methods = {LoadMethod::kRowsSingleCommits,
                                     LoadMethod::kRowsInOneTransaction, LoadMethod::kCopy};
  if (bench->options.commit_rows > bench->options.insert_rows) {
    std::rotate(methods.begin(), methods.begin() + 1, methods.end());
  }
  for (const IndexKind& kind : bench->kinds) {
    BuiltIndex(bench, kind, kPostgresDefaultMemory, &report);
    notices.Add(kind.label + " with " + kPostgresDefaultMemory, session->TakeNotices());
    BuiltIndex(bench, kind, memory, &report);
    notices.Add(kind.label + " with " + memory, session->TakeNotices());
  }
  ExactAnswers exact(bench->data, bench->options.k[0]);
  for (LoadMethod method : methods) {
    for (const IndexKind& kind : bench->kinds) {
      FilledIndex(bench, kind, method, &exact, &report);
      notices.Add(kind.label, session->TakeNotices());
    }
  }
  report.Print();
  notices.Print();
}

}  // namespace vseg_bench
