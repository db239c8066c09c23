// CREATE INDEX: time, size and WAL of the compared indexes and of FAISS's own build, interleaved.
#include <sys/wait.h>

#include <cstdio>
#include <stdexcept>

#include "bench.h"
#include "index_life.h"
#include "report.h"

namespace vseg_bench {
namespace {

struct Builds {
  std::vector<double> seconds;
  double bytes = 0;
  double wal_bytes = 0;
};

void BuildOnce(Bench* bench, const IndexKind& kind, Builds* builds) {
  Session* session = bench->session;
  std::string table = TwinTable(kind);
  DropIndex(bench, kind);
  session->Command("CHECKPOINT");
  // Brings the heap into shared buffers.
  session->Command("SELECT sum(vector_dims(embedding)) FROM " + table);
  double wal = WalPosition(session);
  builds->seconds.push_back(session->Seconds(CreateIndexSql(*bench, kind, table)));
  bench->build_seconds[table] = builds->seconds.back();
  builds->wal_bytes = WalPosition(session) - wal;
  builds->bytes = RelationBytes(session, IndexName(table));
}

std::string BuildThreads(Session* session) {
  return std::to_string(std::stoi(session->Value("SHOW max_parallel_maintenance_workers")) + 1);
}

// The baseline's program prints the seconds of its build and nothing else.
double FaissBuildSeconds(const Bench& bench) {
  const Options& options = bench.options;
  std::string command = "'" + options.faiss_build + "' '" + options.data + "/base.fvecs' " +
                        MetricName(bench.data.metric) + " " + std::to_string(options.m) + " " +
                        std::to_string(options.ef_construction) + " " +
                        BuildThreads(bench.session) + " " + std::to_string(bench.data.base.rows);
  FILE* pipe = popen(command.c_str(), "r");  // NOLINT(cert-env33-c): our own program
  if (pipe == nullptr) {
    throw std::runtime_error("cannot run " + command);
  }
  double seconds = 0;
  int fields = fscanf(pipe, "%lf", &seconds);
  if (pclose(pipe) != 0 || fields != 1) {
    throw std::runtime_error("failed: " + command);
  }
  return seconds;
}

void PrintRatios(const Bench& bench, const std::vector<Builds>& builds,
                 const std::vector<double>& faiss) {
  Table table({"build time of", "divided by that of", "ratio of medians"});
  for (size_t i = 0; i < builds.size(); i++) {
    for (size_t j = i + 1; j < builds.size(); j++) {
      table.Row({bench.kinds[i].label, bench.kinds[j].label,
                 Number(Median(builds[i].seconds) / Median(builds[j].seconds), 3)});
    }
    if (!faiss.empty()) {
      table.Row({bench.kinds[i].label, "FAISS IndexHNSWFlat",
                 Number(Median(builds[i].seconds) / Median(faiss), 3)});
    }
  }
  table.Print();
}

void PrintBuilds(const Bench& bench, const std::vector<Builds>& builds,
                 const std::vector<double>& faiss) {
  std::string threads = BuildThreads(bench.session);
  Table table({"build", "threads", "seconds, median (range)", "index MB", "WAL MB", "heap MB"});
  for (size_t i = 0; i < builds.size(); i++) {
    table.Row({bench.kinds[i].label, threads, Spread(builds[i].seconds, 2),
               Megabytes(builds[i].bytes), Megabytes(builds[i].wal_bytes),
               Megabytes(RelationBytes(bench.session, TwinTable(bench.kinds[i])))});
  }
  if (!faiss.empty()) {
    table.Row({"FAISS IndexHNSWFlat, from memory", threads, Spread(faiss, 2), "-", "-", "-"});
  }
  table.Print();
}

}  // namespace

void RunBuild(Bench* bench) {
  Heading("build: CREATE INDEX over loaded data");
  LoadTwins(bench);
  std::vector<Builds> builds(bench->kinds.size());
  std::vector<double> faiss;
  Notices notices;
  bench->session->TakeNotices();
  for (size_t repeat = 0; repeat < bench->options.repeat; repeat++) {
    for (size_t i = 0; i < builds.size(); i++) {
      BuildOnce(bench, bench->kinds[i], &builds[i]);
      notices.Add(bench->kinds[i].label, bench->session->TakeNotices());
      Progress(bench->kinds[i].label + " built in " + Number(builds[i].seconds.back(), 2) + " s");
    }
    if (!bench->options.faiss_build.empty()) {
      faiss.push_back(FaissBuildSeconds(*bench));
      Progress("FAISS built in " + Number(faiss.back(), 2) + " s");
    }
  }
  PrintBuilds(*bench, builds, faiss);
  PrintRatios(*bench, builds, faiss);
  if (bench->options.faiss_build.empty()) {
    Paragraph("FAISS's own build is left out: its program was not built or not named.");
  }
  notices.Print();
  for (const IndexKind& kind : bench->kinds) {
    PrintSegments(bench, kind, TwinTable(kind));
    Settle(bench, TwinTable(kind));
  }
}

}  // namespace vseg_bench
