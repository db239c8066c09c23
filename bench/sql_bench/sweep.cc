#include "sweep.h"

#include <algorithm>

#include "cpu.h"
#include "report.h"
#include "searcher.h"

namespace vseg_bench {
namespace {

struct Measured {
  const Searched* table;
  Searcher searcher;
  double recall;
  std::vector<double> server_us;
  std::vector<ClientTimes> client;
};

std::vector<double> Field(const std::vector<ClientTimes>& times, double ClientTimes::*field) {
  std::vector<double> values;
  values.reserve(times.size());
  for (const ClientTimes& time : times) {
    values.push_back(time.*field);
  }
  return values;
}

void Measure(Measured* measured) {
  measured->server_us.push_back(measured->searcher.ServerTime());
  measured->client.push_back(measured->searcher.ClientTime());
}

class CurveSweep {
 public:
  CurveSweep(Bench* bench, const std::vector<Searched>& tables, size_t k)
      : bench_(bench),
        tables_(tables),
        k_(k),
        done_(tables.size()),
        report_({"ef_search", "index", "recall@" + std::to_string(k), "us a query in the server",
                 "queries/s", "us by a client, mean", "p50", "p99", "build s", "index MB",
                 "bytes a row", "parameters", "CPU", "SIMD"}) {
    for (const Searched& table : tables) {
      curves_.server.push_back({table.label, {}});
      curves_.client.push_back({table.label + ", by a client", {}});
    }
  }

  void MeasureEf(size_t ef) {
    std::vector<Measured> measured = Warm(ef);
    for (size_t repeat = 0; repeat < bench_->options.repeat; repeat++) {
      for (size_t turn = 0; turn < measured.size(); turn++) {
        Measure(&measured[repeat % 2 == 0 ? turn : measured.size() - 1 - turn]);
      }
    }
    for (Measured& one : measured) {
      Add(ef, one);
      one.searcher.SetEf(0);
    }
  }

  Curves Finish() {
    report_.Print();
    return curves_;
  }

 private:
  // Those that are still measured, with their caches warm.
  std::vector<Measured> Warm(size_t ef) {
    std::vector<Measured> measured;
    for (size_t i = 0; i < tables_.size(); i++) {
      const Searched& table = tables_[i];
      if (done_[i] || ef > table.kind.ef_largest) {
        continue;
      }
      Searcher searcher(bench_, table.kind, table.table, k_);
      searcher.SetEf(ef);
      double recall = searcher.Recall(*table.exact);
      done_[i] = ef >= k_ && recall >= bench_->options.until;
      measured.push_back({&table, searcher, recall, {}, {}});
    }
    return measured;
  }

  void Add(size_t ef, const Measured& measured) {
    const Searched& table = *measured.table;
    double us = Median(measured.server_us);
    double client_us = Median(Field(measured.client, &ClientTimes::mean_us));
    auto i = static_cast<size_t>(&table - tables_.data());
    curves_.server[i].points.push_back({ef, measured.recall, us});
    curves_.client[i].points.push_back({ef, measured.recall, client_us});
    double bytes = RelationBytes(bench_->session, IndexName(table.table));
    auto built = bench_->build_seconds.find(table.table);
    report_.Row({std::to_string(ef), table.label, Number(measured.recall, 4),
                 Spread(measured.server_us, 1), Number(1e6 / us, 0), Number(client_us, 1),
                 Number(Median(Field(measured.client, &ClientTimes::p50_us)), 1),
                 Number(Median(Field(measured.client, &ClientTimes::p99_us)), 1),
                 built == bench_->build_seconds.end() ? "-" : Number(built->second, 1),
                 Megabytes(bytes), Number(bytes / static_cast<double>(table.rows), 0),
                 ParametersText(bench_->options), CpuModel(), SimdText(table.kind)});
  }

  Bench* bench_;
  const std::vector<Searched>& tables_;
  size_t k_;
  std::vector<bool> done_;
  Curves curves_;
  Table report_;
};

}  // namespace

Curves MeasureCurves(Bench* bench, const std::vector<Searched>& tables, size_t k) {
  CurveSweep sweep(bench, tables, k);
  for (size_t ef : bench->options.ef_search) {
    Progress("k " + std::to_string(k) + ", ef_search " + std::to_string(ef));
    sweep.MeasureEf(ef);
  }
  return sweep.Finish();
}

}  // namespace vseg_bench
