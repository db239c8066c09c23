// What the benchmarks share: options, data, server, and the twin tables of the compared indexes.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "dataset.h"
#include "index_kind.h"
#include "loader.h"
#include "options.h"
#include "session.h"

namespace vseg_bench {

struct Bench {
  Bench(const Options& run_options, Session* run_session, Dataset run_data);
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  const Options options;
  Session* const session;
  const std::vector<IndexKind> kinds;
  const Dataset data;
  // Over the whole base, once Extend(data.base.rows) was called.
  ExactAnswers exact;
  std::map<std::string, double> build_seconds;  // of the indexes built so far, by table
};

// One command each; they print their part of the report.
void RunLoad(Bench* bench);
void RunCold(Bench* bench);
void RunScale(Bench* bench);
// Over rows that it generates itself.
void RunSize(const Options& options, Session* session);
void RunPlans(const Options& options, Session* session);
void RunBuild(Bench* bench);
void RunSearch(Bench* bench);
void RunRecall(Bench* bench);
void RunTail(Bench* bench);
void RunIngest(Bench* bench);
void RunBurst(Bench* bench);
void RunSustained(Bench* bench);
void RunStream(Bench* bench);
void RunPhases(Bench* bench);
void RunChurn(Bench* bench);
void RunVacuum(Bench* bench);
void RunAmplification(Bench* bench);

// The table every index kind has of its own, so that the planner has no other index to choose; the
// twins have equal rows in equal order.
std::string TwinTable(const IndexKind& kind);

// (Re)creates an empty table (id bigint, embedding vector(n)) with the first storage of the options
// or another; "default" is what the vector type has.
void CreateTable(Bench* bench, const std::string& table);
void CreateTable(Bench* bench, const std::string& table, const std::string& storage);
// Creates and fills the table of queries, once.
void LoadQueries(Bench* bench);
// Creates and fills the twin tables and the table of queries, once.
void LoadTwins(Bench* bench);

// The statement, and the name of the index it makes.
std::string CreateIndexSql(const Bench& bench, const IndexKind& kind, const std::string& table);
std::string IndexName(const std::string& table);
// (Re)creates a table of the first rows of the base, and its index.
void BuildTable(Bench* bench, const IndexKind& kind, const std::string& table, size_t rows);
// Creates the index on a table unless it is there.
void EnsureIndex(Bench* bench, const IndexKind& kind, const std::string& table);
// Drops the index of a twin table if it is there.
void DropIndex(Bench* bench, const IndexKind& kind);
// What vseg_segments says of the table's index; nothing for other kinds.
void PrintSegments(Bench* bench, const IndexKind& kind, const std::string& table);
// What vseg_stats says of a table's vseg index, where the extension has that function.
void PrintStats(Bench* bench, const std::string& table, const std::string& what);

// "m 16, ef_construction 100".
std::string ParametersText(const Options& options);
// Of the kind's distances, on the server's machine, which is taken to be this one.
std::string SimdText(const IndexKind& kind);

bool Exists(Session* session, const std::string& relation);
double RelationBytes(Session* session, const std::string& relation);
// Creates the extension pg_prewarm; false where the server does not have it.
bool CreatePrewarm(Session* session);
// VACUUM ANALYZE and CHECKPOINT, so that neither falls into a measurement. In between the table's
// index is read into shared buffers, in its own order: what the queries read first themselves lies
// there in their order, and is found a tenth faster by the same queries again than it ever is by
// others.
void Settle(Bench* bench, const std::string& table);

}  // namespace vseg_bench
