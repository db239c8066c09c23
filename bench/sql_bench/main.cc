// Benchmarks of vseg and pgvector through SQL. The report goes to standard output as markdown,
// progress to standard error. bench/run starts a server for it and calls it.
#include <cstdio>
#include <exception>
#include <map>
#include <memory>
#include <utility>

#include "bench.h"
#include "clients.h"
#include "environment.h"
#include "report.h"

namespace vseg_bench {
namespace {

void RunCommand(Bench* bench, const std::string& command) {
  static const std::map<std::string, void (*)(Bench*)> commands = {
      {"build", RunBuild},         {"search", RunSearch}, {"recall", RunRecall},
      {"tail", RunTail},           {"ingest", RunIngest}, {"load", RunLoad},
      {"cold", RunCold},           {"scale", RunScale},   {"burst", RunBurst},
      {"sustained", RunSustained}, {"stream", RunStream}, {"phases", RunPhases},
      {"churn", RunChurn},         {"vacuum", RunVacuum}, {"amplification", RunAmplification}};
  commands.at(command)(bench);
}

void RunGenerated(const Options& options, Session* session, const std::string& command) {
  if (command == "size") {
    RunSize(options, session);
  } else {
    RunPlans(options, session);
  }
}

void RunOnData(const Options& options, Session* session) {
  Bench bench(options, session,
              ReadDataset({options.data, ParseMetric(options.metric), options.rows, options.queries,
                           options.query_name}));
  printf("# %s, %s\n\n", bench.data.name.c_str(), MetricName(bench.data.metric));
  PrintEnvironment(&bench);
  for (const std::string& command : options.commands) {
    if (GeneratesItsRows(command)) {
      RunGenerated(options, session, command);
    } else {
      RunCommand(&bench, command);
    }
  }
  PrintIndexSettings(&bench);
}

void Run(int argc, char** argv) {
  Options options = ParseOptions(argc, argv);
  std::unique_ptr<Session> session = OpenSession();
  if (options.data.empty()) {
    for (const std::string& command : options.commands) {
      RunGenerated(options, session.get(), command);
    }
  } else {
    RunOnData(options, session.get());
  }
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
