// Recall and time per query over ef_search, for all indexes in turns, and the times at equal
// recall.
#include <algorithm>
#include <fstream>
#include <stdexcept>

#include "bench.h"
#include "curve.h"
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

using Curves = std::vector<std::vector<CurvePoint>>;  // one for each index kind

Curves MeasureCurves(Bench* bench) {
  Curves curves(bench->kinds.size());
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
      curves[i].push_back({ef, measured[i].recall, us});
      table.Row({std::to_string(ef), kind.label, Number(measured[i].recall, 4),
                 Spread(measured[i].server_us, 1), Number(1e6 / us, 0), Number(client.mean_us, 1),
                 Number(client.p50_us, 1), Number(client.p99_us, 1)});
    }
  }
  table.Print();
  return curves;
}

std::string TimeText(const std::vector<CurvePoint>& curve, double recall) {
  if (std::optional<double> us = TimeAtRecall(curve, recall)) {
    return Number(*us, 1);
  }
  if (!curve.empty() && curve.front().recall > recall) {
    return "below " + Number(curve.front().us, 1) + " (" + Number(curve.front().recall, 4) + ")";
  }
  return "not reached";
}

// The wanted recalls, and the smallest one that every curve has a time for.
std::vector<double> ComparedRecalls(const Bench& bench, const Curves& curves) {
  std::vector<double> recalls = bench.options.recall_targets;
  double smallest = 0;
  for (const auto& curve : curves) {
    smallest = std::max(smallest, curve.empty() ? 0 : curve.front().recall);
  }
  if (smallest > *std::min_element(recalls.begin(), recalls.end())) {
    recalls.push_back(smallest);
    std::sort(recalls.begin(), recalls.end());
  }
  return recalls;
}

void PrintEqualRecall(const Bench& bench, const Curves& curves) {
  std::vector<std::string> header = {"recall"};
  for (const IndexKind& kind : bench.kinds) {
    header.push_back(kind.label + ", us a query");
  }
  bool compare = bench.kinds.size() == 2;
  if (compare) {
    header.push_back(bench.kinds[1].label + " / " + bench.kinds[0].label);
  }
  Table table(header);
  for (double recall : ComparedRecalls(bench, curves)) {
    std::vector<std::string> row = {Number(recall, 4)};
    for (const auto& curve : curves) {
      row.push_back(TimeText(curve, recall));
    }
    if (compare) {
      std::optional<double> first = TimeAtRecall(curves[0], recall);
      std::optional<double> second = TimeAtRecall(curves[1], recall);
      row.push_back(first && second ? Number(*second / *first, 2) + "x" : "-");
    }
    table.Row(row);
  }
  table.Print();
}

void WriteCurves(const Bench& bench, const Curves& curves) {
  if (bench.options.curve.empty()) {
    return;
  }
  std::ofstream file(bench.options.curve);
  for (size_t i = 0; i < curves.size(); i++) {
    // A block's first line is its title, blocks are two empty lines apart: gnuplot's index.
    file << "\"" << bench.kinds[i].label << "\"\n";
    for (const CurvePoint& point : curves[i]) {
      file << point.recall << '\t' << 1e6 / point.us << '\t' << point.ef << '\n';
    }
    file << "\n\n";
  }
  file.close();
  if (!file) {
    throw std::runtime_error("cannot write " + bench.options.curve);
  }
}

}  // namespace

void RunSearch(Bench* bench) {
  Heading("search: recall and time over ef_search, warm cache");
  LoadTwins(bench);
  for (const IndexKind& kind : bench->kinds) {
    EnsureIndex(bench, kind);
  }
  bench->exact.Extend(bench->data.base.rows);
  Curves curves = MeasureCurves(bench);
  Paragraph(
      "In the server: all queries in one statement by a LATERAL join, median (range) of the "
      "repeats, the indexes in turns. By a client: a prepared statement for each query over a "
      "Unix socket.");
  Paragraph(
      "At equal recall, by interpolation of log(time) over recall. \"below\" gives the time and "
      "the recall of the smallest ef_search where that recall is higher already; the comparison "
      "then starts at the smallest recall that every curve has.");
  PrintEqualRecall(*bench, curves);
  WriteCurves(*bench, curves);
}

}  // namespace vseg_bench
