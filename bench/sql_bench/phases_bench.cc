// Search time while rows come in, while the last of them are sealed and merged, and when all is
// quiet; and how long the tail grows when clients load as fast as they can.
#include "bench.h"
#include "clients.h"
#include "index_life.h"
#include "report.h"
#include "series.h"

namespace vseg_bench {
namespace {

constexpr double kStatePause = 0.5;
constexpr size_t kDefaultSeconds = 180;
constexpr size_t kSteadySeconds = 20;
// Seconds; after minutes at full speed there may be more to do than is worth waiting for.
constexpr double kLongestDrain = 240;
// Enough for merges of several tiers.
constexpr size_t kCalibratingSeals = 16;
// Small enough for several commits a second at any sustained rate.
constexpr size_t kRowsPerCommit = 200;

struct Phase {
  std::string name;
  double from;  // seconds since the start
  double to;
  size_t rows;
};

class PhasesRun {
 public:
  explicit PhasesRun(Bench* bench)
      : bench_(bench),
        kind_(VsegKind(*bench)),
        table_(LifeTable(kind_)),
        stream_(bench->data.base, bench->options.base_rows) {
    LoadQueries(bench);
    BuildTable(bench, kind_, table_, bench->options.base_rows);
    WaitUntilQuiet(bench->session, 600);
    start_ = Now();
  }

  void Run() {
    StateLoop states(table_, {start_, kStatePause});
    SearchLoop searches(bench_, kind_, table_, {start_, 0});
    Calibrate();
    Upload();
    Drain("draining");
    Steady();
    searches_ = searches.Stop();
    FullSpeed();
    Drain("draining after full speed");
    states.Stop();
    Print(states);
    WritePlots(states);
  }

 private:
  void Begin(const std::string& name) {
    Progress(name);
    phases_.push_back({name, Now() - start_, 0, 0});
  }
  void End(size_t rows) {
    phases_.back().to = Now() - start_;
    phases_.back().rows = rows;
  }

  size_t Load(Session* session, size_t rows) {
    Matrix<float> taken = stream_.Take(rows);
    LoadRows(session, table_, taken, {0, taken.rows}, LoadMethod::kCopy);
    return taken.rows;
  }

  // The rate at which rows come in, are sealed and merged, with a client that searches.
  void Calibrate() {
    size_t seal = std::stoul(bench_->session->Value("SHOW vseg.tail_seal_rows"));
    Begin("calibrating");
    size_t rows = 0;
    while (rows < kCalibratingSeals * seal) {
      rows += Load(bench_->session, seal);
    }
    SealAndWait(bench_->session, table_);
    End(rows);
    sustained_ = static_cast<double>(rows) / (phases_.back().to - phases_.back().from);
  }

  void Upload() {
    size_t seconds = bench_->options.duration == 0 ? kDefaultSeconds : bench_->options.duration;
    Begin("upload at half that rate");
    size_t rows = 0;
    RunPaced({sustained_ / 2 / kRowsPerCommit, static_cast<double>(seconds)},
             [&](size_t /*n*/, double /*due*/) { rows += Load(bench_->session, kRowsPerCommit); });
    End(rows);
  }

  void Drain(const std::string& name) {
    Begin(name);
    bool done = SealTail(bench_->session, table_, kLongestDrain) &&
                WaitUntilQuiet(bench_->session, kLongestDrain);
    phases_.back().name += done ? "" : ", given up";
    End(0);
  }

  void Steady() {
    Begin("steady");
    double end = Now() + static_cast<double>(kSteadySeconds);
    while (Now() < end) {
      bench_->session->Command("SELECT pg_sleep(0.5)");
    }
    End(0);
  }

  void FullSpeed() {
    size_t clients = bench_->options.clients.back();
    double end = Now() + static_cast<double>(bench_->options.full_speed_seconds);
    Begin(std::to_string(clients) + " clients at full speed");
    std::atomic<size_t> rows{0};
    RunClients(clients, [&](Session* session, size_t /*number*/) {
      while (Now() < end) {
        rows += Load(session, bench_->options.batch_rows);
      }
    });
    End(rows);
  }

  std::string Ratio(const Phase& phase, double steady) const {
    std::vector<double> times = Values(searches_, phase.from, phase.to);
    return times.empty() ? "-" : Number(Median(times) / steady, 2) + "x";
  }

  void Print(const StateLoop& states) const {
    const Phase& steady = phases_[3];
    double steady_ms = Median(Values(searches_, steady.from, steady.to));
    Table report({"phase", "seconds", "rows in", "rows/s", "search ms, median / p99",
                  "median / steady", "longest tail, rows", "segments, most", "at the end"});
    for (const Phase& phase : phases_) {
      double seconds = phase.to - phase.from;
      std::vector<double> segments = Values(states.Segments(), phase.from, phase.to);
      std::vector<double> times = Values(searches_, phase.from, phase.to);
      report.Row(
          {phase.name, Number(seconds, 1), std::to_string(phase.rows),
           Number(static_cast<double>(phase.rows) / seconds, 0), MedianAndP99(times, 2),
           Ratio(phase, steady_ms), Number(states.LongestTail(phase.from, phase.to), 0),
           segments.empty() ? "-" : Number(*std::max_element(segments.begin(), segments.end()), 0),
           segments.empty() ? "-" : Number(segments.back(), 0)});
    }
    report.Print();
    PrintStop(states.LongestTail(phases_[4].from, phases_[4].to));
    PrintStats(bench_, table_, "in all");
    PrintSegments(bench_, kind_, table_);
  }

  void PrintStop(double longest) const {
    Session* session = bench_->session;
    if (session->Value("SELECT count(*) FROM pg_settings WHERE name = 'vseg.tail_stop_rows'") ==
        "0") {
      Paragraph("The longest tail at full speed had " + Number(longest, 0) +
                " rows. This vseg has no vseg.tail_stop_rows that would bound it.");
      return;
    }
    double stop = std::stod(session->Value("SHOW vseg.tail_stop_rows"));
    Paragraph("The longest tail at full speed had " + Number(longest, 0) + " rows, " +
              Number(longest / stop, 2) + " of vseg.tail_stop_rows.");
  }

  void WritePlots(const StateLoop& states) const {
    const std::string& curve = bench_->options.curve;
    if (!curve.empty()) {
      WriteSeries(curve + "-search.tsv", {{"search", Medians(searches_, 1)}});
      WriteSeries(curve + "-tail.tsv", {{"rows in the tail", states.Tail()}});
      WriteSeries(curve + "-segments.tsv", {{"segments", states.Segments()}});
    }
  }

  Bench* bench_;
  const IndexKind& kind_;
  std::string table_;
  RowStream stream_;
  double start_;
  double sustained_ = 0;  // rows/s
  std::vector<Phase> phases_;
  std::vector<Sample> searches_;
};

}  // namespace

void RunPhases(Bench* bench) {
  Heading("phases: upload, draining, steady");
  Paragraph(
      "One index, built over " + std::to_string(bench->options.base_rows) +
      " rows. One client searches all the time but at full speed. Calibrating: rows by COPY until "
      "all are sealed and merged, which gives the sustained rate. Upload: commits of " +
      std::to_string(kRowsPerCommit) +
      " rows. Draining: until every row is in a graph segment, no merge is due and no worker is "
      "left. At full speed: commits of " +
      std::to_string(bench->options.batch_rows) + " rows.");
  PhasesRun(bench).Run();
}

}  // namespace vseg_bench
