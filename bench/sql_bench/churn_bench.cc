// An index whose rows are deleted and inserted again, generation after generation, against one
// built fresh over the same rows.
#include <unistd.h>

#include <numeric>
#include <random>

#include "bench.h"
#include "clients.h"
#include "index_life.h"
#include "report.h"
#include "series.h"

namespace vseg_bench {
namespace {

constexpr double kShare = 0.02;
// Of the curve over generations: every one of the usual 100.
constexpr size_t kPoints = 100;

// The same rows as churned, built at once: also where the churned table's rows come from.
constexpr char kFresh[] = "churn_fresh";
constexpr char kChurned[] = "churn";

struct Point {
  size_t generation;
  double recall;
  double us;
  double fresh_us;  // of the fresh build, searched in turns with it
  IndexState state;
  double bytes;
};

// Row numbers in a random order, so many at a time; every row once before any comes again.
class RandomIds {
 public:
  explicit RandomIds(size_t rows) : ids_(rows), next_(rows) {
    std::iota(ids_.begin(), ids_.end(), 0);
  }

  // As an SQL array.
  std::string Take(size_t count) {
    if (next_ + count > ids_.size()) {
      std::shuffle(ids_.begin(), ids_.end(), random_);
      next_ = 0;
    }
    std::string text = "'{";
    for (size_t i = 0; i < count; i++) {
      text += (i == 0 ? "" : ",") + std::to_string(ids_[next_++]);
    }
    return text + "}'::bigint[]";
  }

 private:
  std::vector<size_t> ids_;
  size_t next_;
  std::mt19937_64 random_{1};
};

class ChurnRun {
 public:
  explicit ChurnRun(Bench* bench)
      : bench_(bench),
        kind_(VsegKind(*bench)),
        rows_(std::min(bench->options.churn_rows, bench->data.base.rows)),
        ids_(rows_),
        exact_(bench->data, bench->options.k[0]) {
    bench->session->Command("SET vseg.tail_idle_time = 0");
    LoadQueries(bench);
    BuildTable(bench, kind_, kFresh, rows_);
    BuildTable(bench, kind_, kChurned, rows_);
    Progress("exact answers");
    exact_.Extend(rows_);
  }

  void Run() {
    size_t generations = bench_->options.generations;
    size_t step = std::max<size_t>(1, generations / kPoints);
    points_.push_back(Measure(kChurned, 0));
    for (size_t generation = 1; generation <= generations; generation++) {
      Replace();
      if (generation % step == 0 || generation == generations) {
        AwaitQuiet(bench_->session);
        points_.push_back(Measure(kChurned, generation));
        SealIdleTail();
        settled_.push_back(Measure(kChurned, generation));
        Progress("generation " + std::to_string(generation) + ": " +
                 StateText(points_.back().state) + ", then " + StateText(settled_.back().state));
      }
    }
    Print(Measure(kFresh, 0));
    WritePlots();
  }

 private:
  void Replace() {
    auto count = static_cast<size_t>(kShare * static_cast<double>(rows_));
    std::string ids = ids_.Take(std::max<size_t>(1, count));
    Session* session = bench_->session;
    session->Command(std::string("DELETE FROM ") + kChurned + " WHERE id = ANY (" + ids + ")");
    vacuum_seconds_.push_back(session->Seconds(std::string("VACUUM ") + kChurned));
    session->Command(std::string("INSERT INTO ") + kChurned + " SELECT * FROM " + kFresh +
                     " WHERE id = ANY (" + ids + ")");
  }

  // As the first search that comes a while after the last insert leaves it.
  void SealIdleTail() {
    Session* session = bench_->session;
    session->Command("SET vseg.tail_idle_time = 1");
    usleep(2100000);
    Searcher(bench_, kind_, kChurned, bench_->options.k[0]).ServerTime();
    session->Command("SET vseg.tail_idle_time = 0");
    AwaitQuiet(session);
  }

  Point Measure(const std::string& table, size_t generation) {
    Searcher searcher(bench_, kind_, table, bench_->options.k[0]);
    Searcher fresh(bench_, kind_, kFresh, bench_->options.k[0]);
    double recall = searcher.Recall(exact_);
    std::vector<double> times;
    std::vector<double> fresh_times;
    for (size_t repeat = 0; repeat < bench_->options.repeat; repeat++) {
      times.push_back(searcher.ServerTime());
      fresh_times.push_back(fresh.ServerTime());
    }
    return {generation,
            recall,
            Median(times),
            Median(fresh_times),
            ReadState(bench_->session, IndexName(table)),
            RelationBytes(bench_->session, IndexName(table))};
  }

  static void AddRow(Table* report, const std::string& name, const Point& point,
                     const Point& fresh) {
    report->Row({name, Number(point.recall, 4), Number(point.us, 1),
                 Number(point.us / point.fresh_us, 2) + "x", std::to_string(point.state.segments),
                 std::to_string(point.state.tail_rows), std::to_string(point.state.dead_rows),
                 Megabytes(point.state.live_bytes),
                 Number(point.state.live_bytes / fresh.state.live_bytes, 2) + "x",
                 Megabytes(point.bytes), Number(point.bytes / fresh.bytes, 2) + "x"});
  }

  static std::vector<double> Ratios(const std::vector<Point>& points) {
    std::vector<double> ratios;
    ratios.reserve(points.size());
    for (const Point& point : points) {
      ratios.push_back(point.us / point.fresh_us);
    }
    return ratios;
  }

  void Print(const Point& fresh) const {
    Table report({"generation", "recall@" + std::to_string(bench_->options.k[0]),
                  "us a query in the server", "/ fresh", "segments", "tail rows", "dead rows",
                  "live pages, MB", "/ fresh", "relation, MB", "/ fresh"});
    AddRow(&report, std::to_string(points_[0].generation), points_[0], fresh);
    for (size_t i = 0; i < settled_.size(); i++) {
      const std::string generation = std::to_string(settled_[i].generation);
      AddRow(&report, generation, points_[i + 1], fresh);
      AddRow(&report, generation + ", settled", settled_[i], fresh);
    }
    AddRow(&report, "fresh build", fresh, fresh);
    report.Print();
    Paragraph("Time of a search over a fresh build's: behind the inserts " +
              Spread(Ratios(points_), 2) + ", settled " + Spread(Ratios(settled_), 2) +
              ". A VACUUM took " + MedianAndP99(vacuum_seconds_, 2) +
              " s, median / p99. Live pages are those of the members that vseg_segments lists.");
    PrintSegments(bench_, kind_, kChurned);
    PrintStats(bench_, kChurned, "in all");
  }

  void WritePlots() const {
    const std::string& curve = bench_->options.curve;
    if (curve.empty()) {
      return;
    }
    std::vector<Series> series = {{"recall, %", {}},
                                  {"us a query", {}},
                                  {"live pages, MB", {}},
                                  {"relation, MB", {}},
                                  {"us a query, fresh build", {}},
                                  {"us a query, settled", {}}};
    for (const Point& point : points_) {
      auto at = static_cast<double>(point.generation);
      series[0].samples.push_back({at, 100 * point.recall});
      series[1].samples.push_back({at, point.us});
      series[2].samples.push_back({at, point.state.live_bytes / (1024 * 1024)});
      series[3].samples.push_back({at, point.bytes / (1024 * 1024)});
      series[4].samples.push_back({at, point.fresh_us});
    }
    for (const Point& point : settled_) {
      series[5].samples.push_back({static_cast<double>(point.generation), point.us});
    }
    WriteSeries(curve + "-recall.tsv", {series[0]});
    WriteSeries(curve + "-time.tsv", {series[1], series[4], series[5]});
    WriteSeries(curve + "-size.tsv", {series[2], series[3]});
  }

  Bench* bench_;
  const IndexKind& kind_;
  size_t rows_;
  RandomIds ids_;
  ExactAnswers exact_;
  std::vector<Point> points_;   // behind the inserts, the first before any
  std::vector<Point> settled_;  // a while after
  std::vector<double> vacuum_seconds_;
};

}  // namespace

void RunChurn(Bench* bench) {
  Heading("churn: " + std::to_string(bench->options.generations) + " generations of " +
          Number(100 * kShare, 0) + " % of the rows deleted and inserted again");
  Paragraph(
      "Each generation deletes random rows, vacuums, and inserts the same rows again, so that the "
      "exact answers stay what they are. Measured when no worker is left, in turns with the fresh "
      "build; settled: once more, when a search has met the tail vseg.tail_idle_time (here 1 s) "
      "after the inserts, and no worker is left.");
  ChurnRun(bench).Run();
}

}  // namespace vseg_bench
