// Pages that a query reads when shared buffers hold none of the index.
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <stdexcept>

#include "bench.h"
#include "cpu.h"
#include "report.h"
#include "searcher.h"

namespace vseg_bench {
namespace {

// Reading a table so many times the size of shared buffers drives everything else out: a page that
// was used often survives several rounds.
constexpr int kEvictingRounds = 7;

// False, with a word, where the server cannot.
bool PrepareEviction(Session* session) {
  if (!CreatePrewarm(session)) {
    Paragraph("Left out: the server has no extension pg_prewarm.");
    return false;
  }
  if (!Exists(session, "evicting")) {
    // Three rows fill a page; plain storage keeps them from being compressed.
    session->Command("CREATE TABLE evicting (filling text)");
    session->Command("ALTER TABLE evicting ALTER COLUMN filling SET STORAGE plain");
    session->Command("INSERT INTO evicting SELECT repeat('x', 2600) FROM generate_series(1, 3 * " +
                     std::to_string(kEvictingRounds) +
                     " * (SELECT setting::int FROM pg_settings WHERE name = 'shared_buffers'))");
    session->Command("CHECKPOINT");
  }
  return true;
}

// Linux's way, for root only.
void DropSystemCaches() {
  sync();
  std::ofstream file("/proc/sys/vm/drop_caches");
  file << "3\n" << std::flush;
  if (!file) {
    throw std::runtime_error("--drop-caches: /proc/sys/vm/drop_caches cannot be written");
  }
}

struct Cold {
  std::vector<double> read;
  std::vector<double> hit;
  std::vector<double> ms;
};

double Mean(const std::vector<double>& values) {
  double sum = 0;
  for (double value : values) {
    sum += value;
  }
  return sum / static_cast<double>(values.size());
}

Cold MeasureQueries(Bench* bench, Searcher* searcher) {
  Cold cold;
  size_t queries = std::min(bench->options.cold_queries, bench->data.queries.rows);
  for (size_t query = 0; query < queries; query++) {
    bench->session->Command("SELECT pg_prewarm('evicting', 'buffer')");
    if (bench->options.drop_caches != 0) {
      DropSystemCaches();
    }
    QueryBuffers buffers = searcher->Buffers(query);
    cold.read.push_back(buffers.read);
    cold.hit.push_back(buffers.hit);
    cold.ms.push_back(buffers.ms);
  }
  return cold;
}

}  // namespace

void RunLoad(Bench* bench) {
  LoadTwins(bench);
  for (const IndexKind& kind : bench->kinds) {
    EnsureIndex(bench, kind, TwinTable(kind));
  }
}

void RunCold(Bench* bench) {
  Heading("cold: pages read by a query whose index is not in shared buffers");
  RunLoad(bench);
  if (!PrepareEviction(bench->session)) {
    return;
  }
  bench->exact.Extend(bench->data.base.rows);
  size_t k = bench->options.k[0];
  Table report({"ef_search", "index", "recall@" + std::to_string(k), "pages read", "p99",
                "pages found", "ms", "p99", "index MB", "parameters", "CPU", "SIMD"});
  for (size_t ef : bench->options.cold_ef) {
    for (const IndexKind& kind : bench->kinds) {
      Progress(kind.label + ", ef_search " + std::to_string(ef));
      Searcher searcher(bench, kind, TwinTable(kind), k);
      searcher.SetEf(ef);
      double recall = searcher.Recall(bench->exact);
      Cold cold = MeasureQueries(bench, &searcher);
      report.Row({std::to_string(ef), kind.label, Number(recall, 4), Number(Mean(cold.read), 1),
                  Number(Percentile(cold.read, 99), 0), Number(Mean(cold.hit), 1),
                  Number(Median(cold.ms), 2), Number(Percentile(cold.ms, 99), 2),
                  Megabytes(RelationBytes(bench->session, IndexName(TwinTable(kind)))),
                  ParametersText(bench->options), CpuModel(), SimdText(kind)});
      searcher.SetEf(0);
    }
  }
  Paragraph(
      "By EXPLAIN (ANALYZE, BUFFERS) of " + std::to_string(bench->options.cold_queries) +
      " queries, one at a time, another table read into all of shared buffers before each. Pages "
      "of the table that the returned rows are on are counted too; \"found\" are pages that a "
      "query "
      "asks for again.");
  Paragraph(
      bench->options.drop_caches != 0
          ? "The operating system's cache was dropped before each query."
          : "Pages that were read may come from the operating system's cache, which stays warm.");
  report.Print();
}

}  // namespace vseg_bench
