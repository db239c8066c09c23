// The costs of the index and of the exact way, a sequential scan and a sort, against their times.
#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "bench.h"
#include "mixture.h"
#include "report.h"

namespace vseg_bench {
namespace {

const char* const kTable = "planned";
constexpr size_t kQueries = 4;
constexpr double kSelectivities[] = {1, 0.1, 0.01, 0.001};
constexpr size_t kLimits[] = {1, 10, 100, 1000};

// A wrong choice counts from here on.
constexpr double kSlow = 3;
constexpr double kSlowMilliseconds = 2;

Dataset GenerateData(size_t dimensions, size_t rows) {
  MixtureShape shape;
  shape.dimensions = dimensions;
  const Mixture mixture(shape, /*seed*/ 1);
  Dataset data;
  data.name = "generated";
  data.base = DrawRows(mixture, shape, rows, /*seed*/ 2);
  data.queries = DrawRows(mixture, shape, kQueries, /*seed*/ 3);
  return data;
}

struct Case {
  size_t limit;
  double selectivity;
};

// Row numbers tell nothing of where a row lies: a range of them is a filter of its selectivity.
std::string Statement(const Bench& bench, const Case& asked) {
  const auto rows = static_cast<double>(bench.data.base.rows);
  const std::string filter =
      asked.selectivity < 1 ? " WHERE id < " + Number(asked.selectivity * rows, 0) : "";
  return "SELECT count(r.id) FROM queries q CROSS JOIN LATERAL (SELECT id FROM " +
         std::string(kTable) + filter + " ORDER BY embedding <-> q.embedding LIMIT " +
         std::to_string(asked.limit) + ") r";
}

enum class Way { kAny, kIndex, kExact };

void Allow(Session* session, Way way) {
  const std::string exact = way == Way::kIndex ? "off" : "on";
  session->Command("SET enable_indexscan = " + std::string(way == Way::kExact ? "off" : "on") +
                   "; SET enable_sort = " + exact + "; SET enable_seqscan = " + exact);
}

struct Planned {
  bool by_index = false;
  double cost = 0;  // up to the limit
};

Planned Plan(Session* session, const std::string& statement) {
  const std::string limit = "Limit  (cost=";
  Planned planned;
  Result result = session->Query("EXPLAIN " + statement);
  for (int row = 0; row < PQntuples(result.get()); row++) {
    const std::string line = PQgetvalue(result.get(), row, 0);
    planned.by_index |= line.find("Index Scan using " + IndexName(kTable)) != std::string::npos;
    const size_t at = line.find(limit);
    if (at != std::string::npos) {
      planned.cost = std::stod(line.substr(line.find("..", at) + 2));
    }
  }
  return planned;
}

struct Measured {
  double cost;
  double us;  // a query; the best time
};

Measured Measure(Bench* bench, const std::string& statement, Way way) {
  Allow(bench->session, way);
  const Planned planned = Plan(bench->session, statement);
  if (planned.by_index != (way == Way::kIndex)) {
    throw std::runtime_error("the plan is not the one that was asked for: " + statement);
  }
  double best = INFINITY;
  for (size_t repeat = 0; repeat < bench->options.repeat; repeat++) {
    best = std::min(best, bench->session->Seconds(statement));
  }
  return {planned.cost, best * 1e6 / kQueries};
}

struct Summary {
  size_t cases = 0;
  size_t within = 0;  // a factor of 2
  size_t slow = 0;
  std::vector<double> factors;

  void Add(double factor, double chosen_us, double other_us) {
    cases++;
    within += std::fabs(std::log2(factor)) <= 1;
    slow += chosen_us > kSlow * other_us && chosen_us > 1000 * kSlowMilliseconds;
    factors.push_back(factor);
  }

  void Print() const {
    Paragraph(std::to_string(cases) + " cases: " + std::to_string(within) +
              " within a factor of 2; predicted over measured " + Number(Median(factors), 2) +
              " in the median, " + Number(Percentile(factors, 5), 2) + " to " +
              Number(Percentile(factors, 95), 2) + " in nine of ten. In " + std::to_string(slow) +
              " the way taken was more than " + Number(kSlow, 0) +
              " times as slow as the other, and took more than " + Number(kSlowMilliseconds, 0) +
              " ms.");
  }
};

void MeasureCase(Bench* bench, const Case& asked, size_t tail, Table* report, Summary* summary) {
  const std::string statement = Statement(*bench, asked);
  const Measured index = Measure(bench, statement, Way::kIndex);
  const Measured exact = Measure(bench, statement, Way::kExact);
  Allow(bench->session, Way::kAny);
  const bool by_index = Plan(bench->session, statement).by_index;
  const double predicted = index.cost / exact.cost;
  const double measured = index.us / exact.us;
  summary->Add(predicted / measured, by_index ? index.us : exact.us,
               by_index ? exact.us : index.us);
  report->Row({std::to_string(bench->data.base.dim), std::to_string(bench->data.base.rows),
               std::to_string(tail), std::to_string(asked.limit), Number(asked.selectivity, 3),
               by_index ? "index" : "exact", Number(index.us, 0), Number(exact.us, 0),
               Number(measured, 3), Number(predicted, 3), Number(predicted / measured, 2)});
}

void MeasureTable(Bench* bench, size_t tail_percent, Table* report, Summary* summary) {
  const size_t rows = bench->data.base.rows;
  const size_t tail = rows * tail_percent / 100;
  Progress(std::to_string(bench->data.base.dim) + " dimensions, " + std::to_string(rows) +
           " rows, " + std::to_string(tail) + " of them in the tail");
  CreateTable(bench, kTable, "default");
  LoadRows(bench->session, kTable, bench->data.base, {0, rows - tail}, LoadMethod::kCopy);
  bench->session->Command(CreateIndexSql(*bench, bench->kinds[0], kTable));
  LoadRows(bench->session, kTable, bench->data.base, {rows - tail, rows}, LoadMethod::kCopy);
  Settle(bench, kTable);
  for (double selectivity : kSelectivities) {
    for (size_t limit : kLimits) {
      if (limit <= rows && selectivity * static_cast<double>(rows) >= 1) {
        MeasureCase(bench, {limit, selectivity}, tail, report, summary);
      }
    }
  }
}

}  // namespace

void RunPlans(const Options& given, Session* session) {
  Heading("plans: what the planner expects of the index and of an exact search");
  Options options = given;
  options.indexes = {"vseg"};
  options.storage = {"plain"};  // of the queries: an exact search would fetch one for each row
  Table report({"dimensions", "rows", "in the tail", "limit", "selectivity", "plan", "us by index",
                "us by exact search", "index / exact", "as predicted", "predicted / measured"});
  Summary summary;
  for (size_t dimensions : options.plan_dimensions) {
    for (size_t rows : options.plan_rows) {
      Bench bench(options, session, GenerateData(dimensions, rows));
      session->Command("SET max_parallel_workers_per_gather = 0; DROP TABLE IF EXISTS queries");
      LoadQueries(&bench);
      for (size_t tail : options.plan_tails) {
        MeasureTable(&bench, tail, &report, &summary);
      }
    }
  }
  Paragraph(
      "Generated rows in the type's own storage; times of a query inside the server, best of " +
      std::to_string(options.repeat) + ". \"As predicted\": the ratio of the planner's costs.");
  report.Print();
  summary.Print();
}

}  // namespace vseg_bench
