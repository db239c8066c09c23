#include "environment.h"

#include <cstdlib>
#include <thread>

#include "cpu.h"
#include "report.h"

namespace vseg_bench {
namespace {

std::string Join(const PGresult* result) {
  std::string text;
  for (int row = 0; row < PQntuples(result); row++) {
    text += (row == 0 ? "" : ", ") + std::string(PQgetvalue(result, row, 0)) + " " +
            PQgetvalue(result, row, 1);
  }
  return text;
}

// Wanted indexes whose extensions the server does not have.
std::string LeftOut(const Bench& bench) {
  std::string text;
  for (const std::string& wanted : bench.options.indexes) {
    bool found = false;
    for (const IndexKind& kind : bench.kinds) {
      found = found || kind.method == wanted;
    }
    text += found ? "" : (text.empty() ? "" : ", ") + wanted;
  }
  return text;
}

std::string DataText(const Bench& bench) {
  const Dataset& data = bench.data;
  return data.name + ", " + std::to_string(data.base.rows) + " rows x " +
         std::to_string(data.base.dim) + " dimensions, " + std::to_string(data.queries.rows) +
         " queries (" + bench.options.query_name + ".fvecs), k " +
         std::to_string(bench.options.k[0]) + ", metric " + MetricName(data.metric);
}

}  // namespace

void PrintEnvironment(Bench* bench) {
  Session* session = bench->session;
  const Options& options = bench->options;
  Table table({"", ""});
  table.Row({"CPU", CpuModel() + ", " + std::to_string(std::thread::hardware_concurrency()) +
                        " threads," + InstructionSets()});
  table.Row({"server", session->Value("SELECT version()")});
  Result extensions = session->Query(
      "SELECT extname, extversion FROM pg_extension WHERE extname IN ('vseg', 'vector')");
  if (std::string left_out = LeftOut(*bench); !left_out.empty()) {
    table.Row({"left out", left_out + ": the server does not have the extension"});
  }
  const char* revision = getenv("VSEG_REVISION");
  table.Row({"extensions",
             Join(extensions.get()) +
                 (revision == nullptr ? "" : "; vseg source revision " + std::string(revision))});
  Result settings = session->Query(
      "SELECT name, current_setting(name) FROM pg_settings WHERE name IN ('shared_buffers',"
      " 'maintenance_work_mem', 'max_parallel_maintenance_workers', 'jit', 'fsync',"
      " 'synchronous_commit', 'full_page_writes', 'wal_level', 'max_wal_size',"
      " 'checkpoint_timeout', 'autovacuum', 'enable_seqscan',"
      " 'max_parallel_workers_per_gather') ORDER BY name");
  table.Row({"settings", Join(settings.get())});
  table.Row({"data", DataText(*bench)});
  table.Row({"index", ParametersText(options) + ", column storage " + options.storage[0]});
  table.Row({"repeats", std::to_string(options.repeat)});
  table.Print();
}

void PrintIndexSettings(Bench* bench) {
  Result settings = bench->session->Query(
      "SELECT name, reset_val || coalesce(unit, '') FROM pg_settings"
      " WHERE name LIKE 'vseg.%' OR name LIKE 'hnsw.%' ORDER BY name");
  Paragraph("Settings of the indexes where nothing else is stated: " + Join(settings.get()) + ".");
}

}  // namespace vseg_bench
