#include "bench.h"

#include <algorithm>
#include <utility>

#include "engine/kernels/distance.h"
#include "report.h"

namespace vseg_bench {
Bench::Bench(const Options& run_options, Session* run_session, Dataset run_data)
    : options(run_options),
      session(run_session),
      kinds(PrepareIndexKinds(session, options)),
      data(std::move(run_data)),
      exact(data, LargestK(options)) {}

std::string TwinTable(const IndexKind& kind) { return "items_" + kind.method; }

std::string IndexName(const std::string& table) { return table + "_index"; }

void CreateTable(Bench* bench, const std::string& table) {
  CreateTable(bench, table, bench->options.storage[0]);
}

void CreateTable(Bench* bench, const std::string& table, const std::string& storage) {
  Session* session = bench->session;
  session->Command("SET client_min_messages = warning");
  session->Command("DROP TABLE IF EXISTS " + table);
  session->Command("RESET client_min_messages");
  session->Command("CREATE TABLE " + table + " (id bigint NOT NULL, embedding vector(" +
                   std::to_string(bench->data.base.dim) + ") NOT NULL)");
  if (storage != "default") {
    session->Command("ALTER TABLE " + table + " ALTER COLUMN embedding SET STORAGE " + storage);
  }
}

void LoadQueries(Bench* bench) {
  if (Exists(bench->session, "queries")) {
    return;
  }
  CreateTable(bench, "queries");
  LoadRows(bench->session, "queries", bench->data.queries, {0, bench->data.queries.rows},
           LoadMethod::kCopy);
  Settle(bench, "queries");
}

void LoadTwins(Bench* bench) {
  LoadQueries(bench);
  for (const IndexKind& kind : bench->kinds) {
    if (Exists(bench->session, TwinTable(kind))) {
      continue;
    }
    Progress("loading " + TwinTable(kind));
    CreateTable(bench, TwinTable(kind));
    LoadRows(bench->session, TwinTable(kind), bench->data.base, {0, bench->data.base.rows},
             LoadMethod::kCopy);
    Settle(bench, TwinTable(kind));
  }
}

std::string CreateIndexSql(const Bench& bench, const IndexKind& kind, const std::string& table) {
  return "CREATE INDEX " + IndexName(table) + " ON " + table + " USING " + kind.method +
         " (embedding " + MetricOpclass(bench.data.metric) +
         ") WITH (m = " + std::to_string(bench.options.m) +
         ", ef_construction = " + std::to_string(bench.options.ef_construction) + ")";
}

void BuildTable(Bench* bench, const IndexKind& kind, const std::string& table, size_t rows) {
  Progress(kind.label + ": building over " + std::to_string(rows) + " rows");
  CreateTable(bench, table);
  LoadRows(bench->session, table, bench->data.base, {0, rows}, LoadMethod::kCopy);
  bench->session->Command(CreateIndexSql(*bench, kind, table));
  Settle(bench, table);
}

void EnsureIndex(Bench* bench, const IndexKind& kind, const std::string& table) {
  if (!Exists(bench->session, IndexName(table))) {
    Progress("building the " + kind.label + " index of " + table);
    bench->build_seconds[table] = bench->session->Seconds(CreateIndexSql(*bench, kind, table));
    Settle(bench, table);
  }
}

void DropIndex(Bench* bench, const IndexKind& kind) {
  if (Exists(bench->session, IndexName(TwinTable(kind)))) {
    bench->session->Command("DROP INDEX " + IndexName(TwinTable(kind)));
  }
}

namespace {

// The rows of a query as they are.
void PrintQuery(Bench* bench, const std::string& sql) {
  Result result = bench->session->Query(sql);
  int columns = PQnfields(result.get());
  std::vector<std::string> header(static_cast<size_t>(columns));
  for (int column = 0; column < columns; column++) {
    header[static_cast<size_t>(column)] = PQfname(result.get(), column);
  }
  Table report(header);
  for (int row = 0; row < PQntuples(result.get()); row++) {
    std::vector<std::string> cells(static_cast<size_t>(columns));
    for (int column = 0; column < columns; column++) {
      cells[static_cast<size_t>(column)] = PQgetvalue(result.get(), row, column);
    }
    report.Row(cells);
  }
  report.Print();
}

}  // namespace

void PrintSegments(Bench* bench, const IndexKind& kind, const std::string& table) {
  if (kind.method == "vseg") {
    Paragraph("vseg_segments of " + IndexName(table) + ":");
    PrintQuery(bench, "SELECT * FROM vseg_segments('" + IndexName(table) + "')");
  }
}

void PrintStats(Bench* bench, const std::string& table, const std::string& what) {
  if (bench->session->Value("SELECT count(*) FROM pg_proc WHERE proname = 'vseg_stats'") != "0") {
    Paragraph("vseg_stats of " + IndexName(table) + ", " + what + ":");
    PrintQuery(bench, "SELECT * FROM vseg_stats('" + IndexName(table) + "')");
  }
}

std::string ParametersText(const Options& options) {
  return "m " + std::to_string(options.m) + ", ef_construction " +
         std::to_string(options.ef_construction);
}

std::string SimdText(const IndexKind& kind) {
  return kind.method == "vseg" ? vseg::distance_kernels().target : "as compiled";
}

bool Exists(Session* session, const std::string& relation) {
  return session->Value("SELECT to_regclass('" + relation + "') IS NOT NULL") == "t";
}

double RelationBytes(Session* session, const std::string& relation) {
  return std::stod(session->Value("SELECT pg_relation_size('" + relation + "')"));
}

namespace {

void LoadIntoSharedBuffers(Session* session, const std::string& index) {
  if (CreatePrewarm(session)) {
    session->Command("SELECT pg_prewarm('" + index + "')");
  } else {
    Progress(index + " is left for queries to read: the server has no extension pg_prewarm");
  }
}

}  // namespace

bool CreatePrewarm(Session* session) {
  if (session->Value("SELECT count(*) FROM pg_available_extensions WHERE name = 'pg_prewarm'") ==
      "0") {
    return false;
  }
  session->Command("SET client_min_messages = warning");
  session->Command("CREATE EXTENSION IF NOT EXISTS pg_prewarm");
  session->Command("RESET client_min_messages");
  return true;
}

void Settle(Bench* bench, const std::string& table) {
  bench->session->Command("VACUUM ANALYZE " + table);
  if (Exists(bench->session, IndexName(table))) {
    LoadIntoSharedBuffers(bench->session, IndexName(table));
  }
  bench->session->Command("CHECKPOINT");
}

}  // namespace vseg_bench
