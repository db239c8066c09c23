// Many rows by COPY until the last one is in a graph segment, and what a search takes meanwhile.
#include <algorithm>

#include "bench.h"
#include "clients.h"
#include "index_life.h"
#include "report.h"
#include "series.h"

namespace vseg_bench {
namespace {

constexpr double kSearchPause = 0.1;  // seconds: the searches are to sample, not to compete
constexpr double kStatePause = 0.5;
constexpr double kLongestSeal = 1800;

struct Sustained {
  size_t rows = 0;
  double loaded = 0;  // seconds since the start
  double sealed = 0;
  double merged = 0;
  std::vector<Sample> rates;  // rows/s of each batch
  std::vector<Sample> searches;
  std::vector<Sample> tail;
  std::vector<Sample> segments;
};

// pgvector is given up after a while: its rate only falls.
bool IsEnough(const Bench& bench, const IndexKind& kind, double seconds) {
  return kind.method == "hnsw" && seconds > static_cast<double>(bench.options.peer_seconds);
}

// Fewer for pgvector, so that it can be given up in time.
size_t BatchRows(const Bench& bench, const IndexKind& kind) {
  size_t rows = bench.options.batch_rows;
  return kind.method == "hnsw" ? std::max<size_t>(1, rows / 10) : rows;
}

void Load(Bench* bench, const IndexKind& kind, double start, Sustained* sustained) {
  RowStream stream(bench->data.base, 0);
  std::string table = LifeTable(kind);
  while (sustained->rows < bench->options.sustained_rows &&
         !IsEnough(*bench, kind, Now() - start)) {
    Matrix<float> rows = stream.Take(
        std::min(BatchRows(*bench, kind), bench->options.sustained_rows - sustained->rows));
    double seconds = LoadRows(bench->session, table, rows, {0, rows.rows}, LoadMethod::kCopy);
    sustained->rows += rows.rows;
    sustained->rates.push_back({Now() - start, static_cast<double>(rows.rows) / seconds});
  }
  sustained->loaded = Now() - start;
}

void Finish(Bench* bench, const IndexKind& kind, double start, Sustained* sustained) {
  sustained->sealed = sustained->merged = sustained->loaded;
  if (kind.method != "vseg") {
    return;
  }
  Progress("loaded in " + Number(sustained->loaded, 1) + " s, sealing");
  if (!SealTail(bench->session, LifeTable(kind), kLongestSeal)) {
    Paragraph("**The tail was not sealed within " + Number(kLongestSeal, 0) + " s.**");
  }
  sustained->sealed = Now() - start;
  if (!WaitUntilQuiet(bench->session, kLongestSeal)) {
    Paragraph("**Merging did not end within " + Number(kLongestSeal, 0) + " s.**");
  }
  sustained->merged = Now() - start;
}

Sustained MeasureKind(Bench* bench, const IndexKind& kind) {
  std::string table = LifeTable(kind);
  Progress(kind.label + ": sustained load");
  CreateTable(bench, table);
  bench->session->Command(CreateIndexSql(*bench, kind, table));
  bench->session->Command("CHECKPOINT");
  Sustained sustained;
  double start = Now();
  SearchLoop searches(bench, kind, table, {start, kSearchPause});
  std::unique_ptr<StateLoop> states;
  if (kind.method == "vseg") {
    states = std::make_unique<StateLoop>(table, Pace{start, kStatePause});
  }
  Load(bench, kind, start, &sustained);
  Finish(bench, kind, start, &sustained);
  sustained.searches = searches.Stop();
  if (states != nullptr) {
    states->Stop();
    sustained.tail = states->Tail();
    sustained.segments = states->Segments();
  }
  return sustained;
}

void WritePlots(const Bench& bench, const std::vector<Sustained>& all) {
  if (bench.options.curve.empty()) {
    return;
  }
  std::vector<Series> rates;
  std::vector<Series> searches;
  std::vector<Series> states;
  for (size_t i = 0; i < all.size(); i++) {
    const std::string& label = bench.kinds[i].label;
    rates.push_back({label, all[i].rates});
    searches.push_back({label, Medians(all[i].searches, 1)});
    states.push_back({label + ", rows in the tail", all[i].tail});
  }
  WriteSeries(bench.options.curve + "-rate.tsv", rates);
  WriteSeries(bench.options.curve + "-search.tsv", searches);
  WriteSeries(bench.options.curve + "-tail.tsv", states);
}

double Rate(const Sustained& sustained, double seconds) {
  return static_cast<double>(sustained.rows) / seconds;
}

void PrintLoads(const Bench& bench, const std::vector<Sustained>& all) {
  Table report({"index", "rows", "loaded, s", "all in segments, s", "all merged, s",
                "rows/s loaded", "rows/s in segments", "rows/s merged", "/ last, in segments",
                "longest tail, rows", "most segments"});
  for (size_t i = 0; i < all.size(); i++) {
    const Sustained& one = all[i];
    auto most = [](const std::vector<Sample>& samples) {
      double value = 0;
      for (const Sample& sample : samples) {
        value = std::max(value, sample.value);
      }
      return samples.empty() ? "-" : Number(value, 0);
    };
    report.Row({bench.kinds[i].label, std::to_string(one.rows), Number(one.loaded, 1),
                Number(one.sealed, 1), Number(one.merged, 1), Number(Rate(one, one.loaded), 0),
                Number(Rate(one, one.sealed), 0), Number(Rate(one, one.merged), 0),
                Number(Rate(one, one.sealed) / Rate(all.back(), all.back().sealed), 1) + "x",
                most(one.tail), most(one.segments)});
  }
  report.Print();
}

void PrintSearches(Bench* bench, const std::vector<Sustained>& all) {
  Table report({"index", "search ms while loading, median / p99", "while sealing", "while merging",
                "after, ms"});
  for (size_t i = 0; i < all.size(); i++) {
    const Sustained& one = all[i];
    Searcher searcher(bench, bench->kinds[i], LifeTable(bench->kinds[i]), bench->options.k[0]);
    ClientTimes after = searcher.ClientTime();
    report.Row({bench->kinds[i].label, MedianAndP99(Values(one.searches, 0, one.loaded), 2),
                MedianAndP99(Values(one.searches, one.loaded, one.sealed), 2),
                MedianAndP99(Values(one.searches, one.sealed, one.merged), 2),
                Number(after.p50_us / 1000, 2) + " / " + Number(after.p99_us / 1000, 2)});
  }
  report.Print();
}

}  // namespace

void RunSustained(Bench* bench) {
  Heading("sustained: rows by COPY until the last one is in a graph segment");
  LoadQueries(bench);
  std::vector<Sustained> all;
  for (const IndexKind& kind : bench->kinds) {
    all.push_back(MeasureKind(bench, kind));
  }
  Paragraph(
      "Into an empty index, by one client, " + std::to_string(bench->options.batch_rows) +
      " rows a COPY and commit, a tenth of that for pgvector. Another client searches every " +
      Number(kSearchPause, 1) + " s. pgvector's load ends after " +
      std::to_string(bench->options.peer_seconds) +
      " s, its rate falling as its index grows. The last rows, too few for a worker, are "
      "sealed by VACUUM with vseg.tail_seal_rows = 1.");
  PrintLoads(*bench, all);
  PrintSearches(bench, all);
  WritePlots(*bench, all);
  for (const IndexKind& kind : bench->kinds) {
    PrintSegments(bench, kind, LifeTable(kind));
    bench->session->Command("DROP TABLE " + LifeTable(kind));
  }
}

}  // namespace vseg_bench
