// Benchmarks of vseg and pgvector through SQL. The report goes to standard output as markdown,
// progress to standard error. bench/run starts a server for it and calls it.
#include <cstdio>
#include <exception>

#include "bench.h"
#include "environment.h"
#include "report.h"

namespace vseg_bench {
namespace {

void RunCommand(Bench* bench, const std::string& command) {
  if (command == "build") {
    RunBuild(bench);
  } else if (command == "search") {
    RunSearch(bench);
  } else if (command == "recall") {
    RunRecall(bench);
  } else if (command == "tail") {
    RunTail(bench);
  } else {
    RunIngest(bench);
  }
}

void Run(int argc, char** argv) {
  Options options = ParseOptions(argc, argv);
  Session session;
  // Small tables would be scanned; a parallel plan would not be the one thread that is measured.
  session.Command("SET enable_seqscan = off");
  session.Command("SET max_parallel_workers_per_gather = 0");
  Bench bench(options, &session);
  printf("# %s, %s\n\n", bench.data.name.c_str(), MetricName(bench.data.metric));
  PrintEnvironment(&bench);
  for (const std::string& command : options.commands) {
    RunCommand(&bench, command);
  }
  PrintIndexSettings(&bench);
}

}  // namespace
}  // namespace vseg_bench

int main(int argc, char** argv) {
  try {
    vseg_bench::Run(argc, argv);
  } catch (const std::exception& error) {
    fprintf(stderr, "vseg_sql_bench: %s\n", error.what());
    return 1;
  }
  return 0;
}
