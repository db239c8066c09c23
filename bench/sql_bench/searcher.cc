#include "searcher.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "binary_format.h"
#include "report.h"

namespace vseg_bench {

Searcher::Searcher(Bench* bench, IndexKind kind, std::string table, size_t k)
    : Searcher(bench, bench->session, std::move(kind), std::move(table), k) {}

Searcher::Searcher(Bench* bench, Session* session, IndexKind kind, std::string table, size_t k)
    : bench_(bench), session_(session), kind_(std::move(kind)), table_(std::move(table)), k_(k) {}

std::string Searcher::LateralSql(const std::string& columns) const {
  return "SELECT " + columns + " FROM queries q CROSS JOIN LATERAL (SELECT id FROM " + table_ +
         " ORDER BY embedding " + MetricOperator(bench_->data.metric) + " q.embedding LIMIT " +
         std::to_string(k_) + ") r";
}

void Searcher::CheckPlan(const std::string& explain) {
  Result plan = session_->Query(explain);
  std::string text;
  for (int row = 0; row < PQntuples(plan.get()); row++) {
    text += std::string(PQgetvalue(plan.get(), row, 0)) + "\n";
  }
  if (text.find("Index Scan using " + IndexName(table_)) == std::string::npos) {
    throw std::runtime_error("the plan does not use " + IndexName(table_) + ":\n" + text);
  }
}

void Searcher::SetEf(size_t ef) {
  session_->Command(ef == 0 ? "RESET " + kind_.ef_setting
                            : "SET " + kind_.ef_setting + " = " + std::to_string(ef));
}

std::vector<std::vector<int64_t>> Searcher::Answers() {
  CheckPlan("EXPLAIN " + LateralSql("q.id, r.id"));
  Result result = session_->BinaryQuery(LateralSql("q.id, r.id"));
  std::vector<std::vector<int64_t>> answers(bench_->data.queries.rows);
  for (int row = 0; row < PQntuples(result.get()); row++) {
    answers.at(static_cast<size_t>(Int8Field(result.get(), row, 0)))
        .push_back(Int8Field(result.get(), row, 1));
  }
  return answers;
}

double Searcher::Recall(const ExactAnswers& exact) {
  return vseg_bench::Recall(bench_->data, exact, k_, Answers());
}

std::string Searcher::NearestSql() const {
  return "SELECT id FROM " + table_ + " ORDER BY embedding " + MetricOperator(bench_->data.metric) +
         " $1::vector LIMIT " + std::to_string(k_);
}

double Searcher::ServerTime() {
  double seconds = session_->Seconds(LateralSql("count(r.id)"));
  return seconds * 1e6 / static_cast<double>(bench_->data.queries.rows);
}

void Searcher::PrepareNearest() { session_->Prepare("nearest", NearestSql()); }

double Searcher::NearestTime(size_t query) {
  const Matrix<float>& queries = bench_->data.queries;
  std::string vector;
  AppendVector(&vector, queries.Row(query), queries.dim);
  double start = Now();
  session_->Execute("nearest", {{vector.data(), vector.size()}});
  return (Now() - start) * 1e6;
}

void Searcher::CheckNearestPlan() {
  CheckPlan("EXPLAIN EXECUTE nearest('" + session_->Value("SELECT embedding FROM queries LIMIT 1") +
            "')");
  session_->Command("DEALLOCATE nearest");
}

ClientTimes Searcher::ClientTime() {
  PrepareNearest();
  std::vector<double> times;
  for (size_t query = 0; query < bench_->data.queries.rows; query++) {
    times.push_back(NearestTime(query));
  }
  CheckNearestPlan();
  double sum = 0;
  for (double time : times) {
    sum += time;
  }
  std::sort(times.begin(), times.end());
  return {sum / static_cast<double>(times.size()), times[times.size() / 2],
          times[times.size() * 99 / 100]};
}

namespace {

// The number after the first `"key": ` of a plan in JSON: the topmost node's, which counts what is
// below it.
double FirstNumber(const std::string& plan, const std::string& key) {
  size_t at = plan.find("\"" + key + "\": ");
  if (at == std::string::npos) {
    throw std::runtime_error("the plan says nothing of " + key + ":\n" + plan);
  }
  return std::stod(plan.substr(at + key.size() + 4));
}

}  // namespace

QueryBuffers Searcher::Buffers(size_t query) {
  std::string vector =
      session_->Value("SELECT embedding FROM queries WHERE id = " + std::to_string(query));
  PrepareNearest();
  CheckPlan("EXPLAIN EXECUTE nearest('" + vector + "')");
  std::string plan = session_->Value(
      "EXPLAIN (ANALYZE, BUFFERS, TIMING off, FORMAT json) EXECUTE nearest('" + vector + "')");
  session_->Command("DEALLOCATE nearest");
  return {FirstNumber(plan, "Shared Hit Blocks"), FirstNumber(plan, "Shared Read Blocks"),
          FirstNumber(plan, "Execution Time")};
}

}  // namespace vseg_bench
