// What more rows cost: the same data set's first rows, and more of them, at equal recall.
#include <list>
#include <stdexcept>

#include "bench.h"
#include "comparison.h"
#include "report.h"
#include "sweep.h"

namespace vseg_bench {
namespace {

std::string ScaleTable(const IndexKind& kind, size_t rows) {
  return "scale_" + kind.method + "_" + std::to_string(rows);
}

void LoadAndBuild(Bench* bench, const IndexKind& kind, size_t rows) {
  std::string table = ScaleTable(kind, rows);
  Progress("loading " + table);
  CreateTable(bench, table);
  LoadRows(bench->session, table, bench->data.base, {0, rows}, LoadMethod::kCopy);
  Settle(bench, table);
  EnsureIndex(bench, kind, table);
}

void MeasureKind(Bench* bench, const IndexKind& kind, const std::list<ExactAnswers>& exact) {
  std::vector<Searched> tables;
  auto answers = exact.begin();
  for (size_t rows : bench->options.scale_rows) {
    LoadAndBuild(bench, kind, rows);
    tables.push_back({kind, ScaleTable(kind, rows),
                      kind.label + ", " + std::to_string(rows) + " rows", rows, &*answers++});
  }
  for (size_t k : bench->options.k) {
    Curves curves = MeasureCurves(bench, tables, k);
    PrintEqualRecall(curves.server, bench->options.recall_targets);
    PrintEqualRecall(curves.client, bench->options.recall_targets);
    if (!bench->options.curve.empty()) {
      WriteCurves(bench->options.curve + "-" + kind.method + "-k" + std::to_string(k) + ".tsv",
                  curves.server);
    }
  }
  for (const Searched& table : tables) {
    bench->session->Command("DROP TABLE " + table.table);
  }
}

}  // namespace

void RunScale(Bench* bench) {
  Heading("scale: time at equal recall as rows grow, warm cache");
  if (bench->options.scale_rows.back() > bench->data.base.rows) {
    throw std::runtime_error("the data has only " + std::to_string(bench->data.base.rows) +
                             " rows; --scale-rows asks for more");
  }
  LoadQueries(bench);
  std::list<ExactAnswers> exact;
  for (size_t rows : bench->options.scale_rows) {
    Progress("exact answers among " + std::to_string(rows) + " rows");
    exact.emplace_back(bench->data, LargestK(bench->options)).Extend(rows);
  }
  Paragraph("Each table holds the first rows of the same data; times as in search.");
  for (const IndexKind& kind : bench->kinds) {
    MeasureKind(bench, kind, exact);
  }
}

}  // namespace vseg_bench
