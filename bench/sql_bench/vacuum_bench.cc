// VACUUM after deletes, what workers do after it, and the index once the rows are back.
#include <stdexcept>

#include "bench.h"
#include "clients.h"
#include "index_life.h"
#include "report.h"
#include "server_cpu.h"

namespace vseg_bench {
namespace {

constexpr char kTable[] = "vacuumed";
constexpr char kFresh[] = "vacuum_fresh";
constexpr double kKept = 0.7;  // of the rows, after the second delete
constexpr double kLongestWait = 300;

struct Vacuumed {
  double seconds;
  bool finished;
  double workers_seconds;
  double workers_cpu;
};

// False when it was given up.
bool VacuumWithin(Session* session, size_t seconds) {
  session->Command("SET statement_timeout = '" + std::to_string(seconds) + "s'");
  bool finished = true;
  try {
    session->Command(std::string("VACUUM ") + kTable);
  } catch (const std::runtime_error& error) {
    finished = false;
    if (std::string(error.what()).find("statement timeout") == std::string::npos) {
      throw;
    }
  }
  session->Command("RESET statement_timeout");
  return finished;
}

// kind: null for a table without an index.
Vacuumed MeasureTenth(Bench* bench, const IndexKind* kind, size_t rows) {
  Session* session = bench->session;
  Progress(kind == nullptr ? "no index" : kind->label);
  if (kind == nullptr) {
    CreateTable(bench, kTable);
    LoadRows(session, kTable, bench->data.base, {0, rows}, LoadMethod::kCopy);
    Settle(bench, kTable);
  } else {
    BuildTable(bench, *kind, kTable, rows);
  }
  WaitUntilQuiet(session, kLongestWait);
  session->Command(std::string("DELETE FROM ") + kTable + " WHERE id % 10 = 0");
  session->Command("CHECKPOINT");
  double start = Now();
  bool finished = VacuumWithin(session, bench->options.peer_seconds);
  double vacuumed = Now();
  double cpu = ServerCpuSeconds(session);
  WaitUntilQuiet(session, kLongestWait);
  return {vacuumed - start, finished, Now() - vacuumed, ServerCpuSeconds(session) - cpu};
}

void RunTenth(Bench* bench, size_t rows) {
  Vacuumed none = MeasureTenth(bench, nullptr, rows);
  Table report({"index", "VACUUM, s", "less that without an index, s", "/ the first's",
                "workers afterwards, s", "their CPU, s"});
  report.Row({"no index", Number(none.seconds, 3), "0", "-", "-", "-"});
  double first = 0;
  for (const IndexKind& kind : bench->kinds) {
    Vacuumed one = MeasureTenth(bench, &kind, rows);
    double own = std::max(one.seconds - none.seconds, 0.0);
    first = &kind == &bench->kinds[0] ? own : first;
    std::string at_least = one.finished ? "" : "more than ";
    report.Row({kind.label, at_least + Number(one.seconds, 3), at_least + Number(own, 3),
                first > 0 ? at_least + Number(own / first, 1) + "x" : "-",
                kind.method == "vseg" ? Number(one.workers_seconds, 1) : "-",
                kind.method == "vseg" ? Number(one.workers_cpu, 2) : "-"});
  }
  Paragraph("VACUUM after every tenth of " + std::to_string(rows) +
            " rows was deleted. It is given up after " +
            std::to_string(bench->options.peer_seconds) +
            " s. Workers count until none has been there for half a second, which is included.");
  report.Print();
}

struct State {
  std::string name;
  double recall;
  double us;
  double bytes;
  IndexState index;
};

class DeleteRun {
 public:
  DeleteRun(Bench* bench, size_t rows)
      : bench_(bench),
        kind_(VsegKind(*bench)),
        rows_(rows),
        kept_(static_cast<size_t>(kKept * static_cast<double>(rows))),
        exact_(bench->data, bench->options.k[0]),
        exact_kept_(bench->data, bench->options.k[0]) {
    Progress("exact answers");
    exact_kept_.Extend(kept_);
    exact_.Extend(rows_);
  }

  void Run() {
    Session* session = bench_->session;
    BuildTable(bench_, kind_, kTable, rows_);
    Measure("built", kTable, exact_);
    session->Command(std::string("DELETE FROM ") + kTable +
                     " WHERE id >= " + std::to_string(kept_));
    session->Command(std::string("VACUUM ") + kTable);
    double until_gone = SecondsUntilNoneIsDead();
    WaitUntilQuiet(session, kLongestWait);
    Measure("30 % deleted", kTable, exact_kept_);
    BuildTable(bench_, kind_, kFresh, kept_);
    Measure("fresh build of the others", kFresh, exact_kept_);
    // Finds that nobody reads the replaced segments any more.
    session->Command(std::string("VACUUM ") + kTable);
    LoadRows(session, kTable, bench_->data.base, {kept_, rows_}, LoadMethod::kCopy);
    SealAndWait(session, kTable);
    Measure("as many inserted", kTable, exact_);
    Print(until_gone);
  }

 private:
  // Below 0 when some still are.
  double SecondsUntilNoneIsDead() {
    double start = Now();
    while (ReadState(bench_->session, IndexName(kTable)).dead_rows > 0) {
      if (Now() - start > kLongestWait) {
        return -1;
      }
      bench_->session->Command("SELECT pg_sleep(0.05)");
    }
    return Now() - start;
  }

  void Measure(const std::string& name, const std::string& table, const ExactAnswers& exact) {
    Progress(name);
    Searcher searcher(bench_, kind_, table, bench_->options.k[0]);
    double recall = searcher.Recall(exact);
    std::vector<double> times;
    for (size_t repeat = 0; repeat < bench_->options.repeat; repeat++) {
      times.push_back(searcher.ServerTime());
    }
    states_.push_back({name, recall, Median(times),
                       RelationBytes(bench_->session, IndexName(table)),
                       ReadState(bench_->session, IndexName(table))});
  }

  void Print(double until_gone) const {
    Paragraph("30 % of " + std::to_string(rows_) + " rows deleted, one VACUUM: vseg_segments " +
              (until_gone < 0 ? "**still shows dead rows after " + Number(kLongestWait, 0) + " s**"
                              : "shows no dead rows after " + Number(until_gone, 1) + " s") +
              ". Then VACUUM, the same rows again by COPY, sealed and merged.");
    Table report({"index", "recall@" + std::to_string(bench_->options.k[0]),
                  "us a query in the server", "segments", "dead rows", "live pages, MB",
                  "relation, MB", "/ built"});
    for (const State& state : states_) {
      report.Row({state.name, Number(state.recall, 4), Number(state.us, 1),
                  std::to_string(state.index.segments), std::to_string(state.index.dead_rows),
                  Megabytes(state.index.live_bytes), Megabytes(state.bytes),
                  Number(state.bytes / states_[0].bytes, 2) + "x"});
    }
    report.Print();
    PrintSegments(bench_, kind_, kTable);
  }

  Bench* bench_;
  const IndexKind& kind_;
  size_t rows_;
  size_t kept_;
  ExactAnswers exact_;
  ExactAnswers exact_kept_;
  std::vector<State> states_;
};

}  // namespace

void RunVacuum(Bench* bench) {
  Heading("vacuum: after deletes");
  size_t rows = std::min(bench->options.vacuum_rows, bench->data.base.rows);
  RunTenth(bench, rows);
  LoadQueries(bench);
  DeleteRun(bench, rows).Run();
}

}  // namespace vseg_bench
