// A steady stream of single commits beside searches, and the same rows in one load.
#include "bench.h"
#include "clients.h"
#include "index_life.h"
#include "report.h"
#include "series.h"

namespace vseg_bench {
namespace {

constexpr double kStatePause = 1;
constexpr size_t kDefaultSeconds = 600;

struct Streamed {
  std::string how;
  size_t rows = 0;
  double seconds = 0;
  double quiet = 0;             // seconds until all was sealed and merged
  std::vector<Sample> commits;  // milliseconds
  std::vector<Sample> searches;
  std::vector<Sample> tail;
  double most_segments = 0;
  double wal_bytes = 0;
  IndexState after;
};

size_t Seconds(const Bench& bench) {
  return bench.options.duration == 0 ? kDefaultSeconds : bench.options.duration;
}

using Ingest = std::function<void(const std::string& table, double start, Streamed* streamed)>;

Streamed Measure(Bench* bench, const std::string& how, const Ingest& ingest) {
  const IndexKind& kind = VsegKind(*bench);
  std::string table = LifeTable(kind);
  BuildTable(bench, kind, table, bench->options.base_rows);
  WaitUntilQuiet(bench->session, 600);
  Progress(how);
  Streamed streamed;
  streamed.how = how;
  double start = Now();
  double wal = WalPosition(bench->session);
  StateLoop states(table, {start, kStatePause});
  SearchLoop searches(bench, kind, table, {start, 0});
  ingest(table, start, &streamed);
  streamed.seconds = Now() - start;
  SealAndWait(bench->session, table);
  streamed.quiet = Now() - start;
  streamed.searches = searches.Stop();
  states.Stop();
  streamed.tail = states.Tail();
  for (const Sample& sample : states.Segments()) {
    streamed.most_segments = std::max(streamed.most_segments, sample.value);
  }
  streamed.wal_bytes = WalPosition(bench->session) - wal;
  streamed.after = ReadState(bench->session, IndexName(table));
  PrintStats(bench, table, how);
  return streamed;
}

// A commit that cannot begin when it is due waits for the one before: its time counts from when it
// was due.
void InsertSteadily(Bench* bench, const std::string& table, double start, Streamed* streamed) {
  PrepareRowInsert(bench->session, table);
  RowStream stream(bench->data.base, bench->options.base_rows);
  auto rate = static_cast<double>(bench->options.stream_rate);
  RunPaced({rate, static_cast<double>(Seconds(*bench))}, [&](size_t /*n*/, double due) {
    InsertRow(bench->session, stream.Take(1), 0);
    streamed->commits.push_back({Now() - start, (Now() - due) * 1000});
  });
  streamed->rows = streamed->commits.size();
  bench->session->Command("DEALLOCATE insert_row");
}

void LoadAtOnce(Bench* bench, const std::string& table, size_t rows, Streamed* streamed) {
  RowStream stream(bench->data.base, bench->options.base_rows);
  while (streamed->rows < rows) {
    Matrix<float> taken = stream.Take(rows - streamed->rows);
    double seconds = LoadRows(bench->session, table, taken, {0, taken.rows}, LoadMethod::kCopy);
    streamed->commits.push_back({seconds, seconds * 1000});
    streamed->rows += taken.rows;
  }
}

void PrintStreams(const Bench& bench, const std::vector<Streamed>& all) {
  Table report({"how", "rows", "seconds", "until merged, s", "commit ms, median / p99",
                "search ms meanwhile, median / p99", "until merged", "longest tail, rows",
                "most segments", "segments after", "WAL bytes / vector bytes"});
  for (const Streamed& one : all) {
    double longest = 0;
    for (const Sample& sample : one.tail) {
      longest = std::max(longest, sample.value);
    }
    double vectors = 4.0 * static_cast<double>(bench.data.base.dim * one.rows);
    std::vector<double> commits = Values(one.commits, 0, one.quiet);
    report.Row({one.how, std::to_string(one.rows), Number(one.seconds, 1), Number(one.quiet, 1),
                MedianAndP99(commits, 1), MedianAndP99(Values(one.searches, 0, one.seconds), 2),
                MedianAndP99(Values(one.searches, one.seconds, one.quiet), 2), Number(longest, 0),
                Number(one.most_segments, 0), std::to_string(one.after.segments),
                Number(one.wal_bytes / vectors, 1)});
  }
  report.Print();
}

void WritePlots(const Bench& bench, const Streamed& streamed) {
  if (!bench.options.curve.empty()) {
    WriteSeries(bench.options.curve + "-ms.tsv", {{"search", Medians(streamed.searches, 1)},
                                                  {"commit", Medians(streamed.commits, 1)}});
    WriteSeries(bench.options.curve + "-tail.tsv", {{"rows in the tail", streamed.tail}});
  }
}

}  // namespace

void RunStream(Bench* bench) {
  const Options& options = bench->options;
  Heading("stream: " + std::to_string(options.stream_rate) + " single-row commits a second for " +
          std::to_string(Seconds(*bench)) + " s into an index of " +
          std::to_string(options.base_rows) + " rows");
  LoadQueries(bench);
  std::vector<Streamed> all;
  all.push_back(Measure(bench, "a commit a row",
                        [=](const std::string& table, double start, Streamed* streamed) {
                          InsertSteadily(bench, table, start, streamed);
                        }));
  size_t rows = all[0].rows;
  all.push_back(Measure(bench, "one COPY",
                        [=](const std::string& table, double /*start*/, Streamed* streamed) {
                          LoadAtOnce(bench, table, rows, streamed);
                        }));
  Paragraph(
      "One client searches all the time. A commit's time counts from when it was due. WAL of table "
      "and index, from the first row until all are in segments and merged.");
  PrintStreams(*bench, all);
  WritePlots(*bench, all[0]);
}

}  // namespace vseg_bench
