// Recall and time per query over ef_search, for all indexes in turns, and the times at equal
// recall.
#include <algorithm>

#include "bench.h"
#include "comparison.h"
#include "report.h"
#include "searcher.h"

namespace vseg_bench {
namespace {

struct Measured {
  double recall;
  std::vector<double> server_us;
  ClientTimes client;
};

// One value of ef_search: warm-up and recall first, then the repeats of all indexes in turns, the
// order reversed each time.
std::vector<Measured> MeasureEf(Bench* bench, size_t ef) {
  std::vector<Searcher> searchers;
  std::vector<Measured> measured;
  for (const IndexKind& kind : bench->kinds) {
    Searcher& searcher = searchers.emplace_back(bench, kind, TwinTable(kind));
    searcher.SetEf(std::min(ef, kind.ef_largest));
    measured.push_back({searcher.Recall(bench->exact), {}, {}});
  }
  for (size_t repeat = 0; repeat < bench->options.repeat; repeat++) {
    for (size_t turn = 0; turn < searchers.size(); turn++) {
      size_t i = repeat % 2 == 0 ? turn : searchers.size() - 1 - turn;
      measured[i].server_us.push_back(searchers[i].ServerTime());
    }
  }
  for (size_t i = 0; i < searchers.size(); i++) {
    measured[i].client = searchers[i].ClientTime();
    searchers[i].SetEf(0);
  }
  return measured;
}

// One for each index kind.
std::vector<LabelledCurve> MeasureCurves(Bench* bench) {
  std::vector<LabelledCurve> curves;
  for (const IndexKind& kind : bench->kinds) {
    curves.push_back({kind.label, {}});
  }
  Table table({"ef_search", "index", "recall@" + std::to_string(bench->options.k),
               "us a query in the server", "queries/s", "us by a client, mean", "p50", "p99"});
  for (size_t ef : bench->options.ef_search) {
    Progress("ef_search " + std::to_string(ef));
    std::vector<Measured> measured = MeasureEf(bench, ef);
    for (size_t i = 0; i < measured.size(); i++) {
      const IndexKind& kind = bench->kinds[i];
      if (ef > kind.ef_largest) {
        continue;
      }
      double us = Median(measured[i].server_us);
      const ClientTimes& client = measured[i].client;
      curves[i].points.push_back({ef, measured[i].recall, us});
      table.Row({std::to_string(ef), kind.label, Number(measured[i].recall, 4),
                 Spread(measured[i].server_us, 1), Number(1e6 / us, 0), Number(client.mean_us, 1),
                 Number(client.p50_us, 1), Number(client.p99_us, 1)});
    }
  }
  table.Print();
  return curves;
}

}  // namespace

void RunSearch(Bench* bench) {
  Heading("search: recall and time over ef_search, warm cache");
  LoadTwins(bench);
  for (const IndexKind& kind : bench->kinds) {
    EnsureIndex(bench, kind);
  }
  bench->exact.Extend(bench->data.base.rows);
  std::vector<LabelledCurve> curves = MeasureCurves(bench);
  Paragraph(
      "In the server: all queries in one statement by a LATERAL join, median (range) of the "
      "repeats, the indexes in turns. By a client: a prepared statement for each query over a "
      "Unix socket.");
  Paragraph(
      "At equal recall, by interpolation of log(time) over recall. \"below\" gives the time and "
      "the recall of the smallest ef_search where that recall is higher already; the comparison "
      "then starts at the smallest recall that every curve has.");
  PrintEqualRecall(curves, bench->options.recall_targets);
  if (!bench->options.curve.empty()) {
    WriteCurves(bench->options.curve, curves);
  }
}

}  // namespace vseg_bench
