// Merges graphs over rows of a file, and builds the same rows anew: CPU time, distances, recall.
#include <sys/resource.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "engine/format/segment_format.h"
#include "engine/graph/graph_builder.h"
#include "engine/graph/known_lists.h"
#include "engine/quantizer/rotation.h"
#include "memory_graph_search.h"
#include "vecs_file.h"

namespace {

using vseg::Graph;
using vseg::KnownLists;
using vseg::Ordinal;
using vseg::RowStore;
using vseg_bench::Matrix;

constexpr size_t kNeighbors = 10;
constexpr size_t kMostRows = 60000;
constexpr uint32_t kRowsToJudge = 10000;  // as vseg's SegmentBuilder

class Silent : public vseg::BuildMonitor {
 public:
  void inserted(uint32_t) override {}
  bool cancelled() override { return false; }
};

// Sizes of the inputs, of which the last `without_graph` have none.
struct Case {
  const char* name;
  std::vector<uint32_t> inputs;
  uint32_t dead_percent;
  uint32_t without_graph;
};

const std::vector<Case> kCases = {
    {"40,000 + 10,000 + 10,000", {40000, 10000, 10000}, 0, 0},
    {"15,000 x 4", {15000, 15000, 15000, 15000}, 0, 0},
    {"40,000 + 20,000 without a graph", {40000, 20000}, 0, 1},
    {"60,000, 2 % dead", {60000}, 2, 0},
    {"60,000, 20 % dead", {60000}, 20, 0},
    {"15,000 x 4, 20 % dead", {15000, 15000, 15000, 15000}, 20, 0},
    {"60,000, 50 % dead", {60000}, 50, 0},
    {"40,000 + 20,000, 50 % dead", {40000, 20000}, 50, 0},
    {"10,000 + 50,000 without a graph", {10000, 50000}, 0, 1},
};

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// Rows of the file, as a segment's graph is built over them.
RowStore StoreOf(const Matrix<float>& base, const std::vector<uint32_t>& rows) {
  const vseg::Rotation rotation(static_cast<uint32_t>(base.dim));
  RowStore store(vseg::Metric::kL2, rotation.padded());
  std::vector<float> rotated(rotation.padded());
  for (size_t i = 0; i < rows.size(); i++) {
    if (i == kRowsToJudge && store.narrows_well()) {
      store.narrow();
    }
    rotation.apply(base.Row(rows[i]), rotated.data());
    store.append(rotated.data());
  }
  return store;
}

Graph Build(const RowStore& store, const KnownLists* known = nullptr) {
  Silent monitor;
  return vseg::build_graph(store, vseg::GraphOptions{}, monitor, known);
}

double SquaredL2(const float* a, const float* b, size_t dimensions) {
  return vseg::distance_kernels().l2_squared(a, b, dimensions);
}

class Judge {
 public:
  Judge(const Matrix<float>& base, const Matrix<float>& queries, std::vector<uint32_t> rows)
      : base_(base), queries_(queries), rows_(std::move(rows)) {
    for (size_t q = 0; q < queries.rows; q++) {
      std::vector<double> all;
      for (uint32_t row : rows_) {
        all.push_back(SquaredL2(queries.Row(q), base.Row(row), base.dim));
      }
      std::nth_element(all.begin(), all.begin() + kNeighbors - 1, all.end());
      limits_.push_back(all[kNeighbors - 1]);
    }
  }

  double Recall(const Graph& graph, size_t ef) const {
    vseg::MemoryGraphSearch search(graph);
    size_t right = 0;
    for (size_t q = 0; q < queries_.rows; q++) {
      auto hits = search.search(
          [&](Ordinal row) { return SquaredL2(queries_.Row(q), base_.Row(rows_[row]), base_.dim); },
          ef);
      for (size_t i = 0; i < kNeighbors; i++) {
        right += hits[i].first <= limits_[q] ? 1 : 0;
      }
    }
    return static_cast<double>(right) / static_cast<double>(kNeighbors * queries_.rows);
  }

 private:
  const Matrix<float>& base_;
  const Matrix<float>& queries_;
  std::vector<uint32_t> rows_;
  std::vector<double> limits_;  // distance of the k-th nearest row, of each query
};

// The same rows are dead in every run: those whose number, scattered, is among the lowest.
bool IsDead(uint32_t row, uint32_t percent) { return row * 2654435761U % 100 < percent; }

// Builds the graph of an input, and adds its lists; returns the rows that are alive.
std::vector<uint32_t> AddInput(const Matrix<float>& base, const Case& merge, uint32_t input,
                               uint32_t first, KnownLists* known) {
  std::vector<uint32_t> rows;
  std::vector<uint32_t> alive;
  for (uint32_t row = first; row < first + merge.inputs[input]; row++) {
    rows.push_back(row);
    if (!IsDead(row, merge.dead_percent)) {
      alive.push_back(row);
    }
  }
  if (input + merge.without_graph < merge.inputs.size()) {
    const Graph graph = Build(StoreOf(base, rows));
    for (Ordinal row = 0; row < graph.rows; row++) {
      const Ordinal* list = graph.list(row);
      known->add({list, list + graph.list_size(row)}, !IsDead(first + row, merge.dead_percent));
    }
    known->end_graph(0);
  }
  return alive;
}

void Measure(const char* how, const RowStore& store, const KnownLists* known, const Judge& judge) {
  const double before = CpuSeconds();
  const Graph graph = Build(store, known);
  const double seconds = CpuSeconds() - before;
  uint64_t edges = 0;
  for (Ordinal row = 0; row < graph.rows; row++) {
    edges += graph.list_size(row);
  }
  const double rows = graph.rows;
  printf(
      "  %-8s %7.2f s  inserted %6llu  distances a row %7.0f  degree %.2f  recall@10 %.4f %.4f\n",
      how, seconds, static_cast<unsigned long long>(graph.work.inserted_rows),
      static_cast<double>(graph.work.distances) / rows, static_cast<double>(edges) / rows,
      judge.Recall(graph, 10), judge.Recall(graph, 40));
  fflush(stdout);
}

// The case with so many rows instead of 60,000.
Case Scaled(Case merge, size_t rows) {
  for (uint32_t& input : merge.inputs) {
    input = static_cast<uint32_t>(input * rows / kMostRows);
  }
  return merge;
}

void Run(const Matrix<float>& base, const Matrix<float>& queries, const Case& merge) {
  printf("%s\n", merge.name);
  KnownLists known(vseg::layer0_degree(vseg::GraphOptions{}.m));
  std::vector<uint32_t> rows;
  uint32_t first = 0;
  for (uint32_t input = 0; input < merge.inputs.size(); input++) {
    const std::vector<uint32_t> alive = AddInput(base, merge, input, first, &known);
    rows.insert(rows.end(), alive.begin(), alive.end());
    first += merge.inputs[input];
  }
  const RowStore store = StoreOf(base, rows);
  const Judge judge(base, queries, rows);
  Measure("anew", store, nullptr, judge);
  Measure("merged", store, &known, judge);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc < 4) {
      throw std::runtime_error("usage: vseg_graph_merge BASE.fvecs QUERY.fvecs ROWS [CASE...]");
    }
    const Matrix<float> base = vseg_bench::ReadFvecs(argv[1], std::stoul(argv[3]));
    const Matrix<float> queries = vseg_bench::ReadFvecs(argv[2], 500);
    for (size_t i = 0; i < kCases.size(); i++) {
      if (argc == 4 || std::find(argv + 4, argv + argc, std::to_string(i)) != argv + argc) {
        Run(base, queries, Scaled(kCases[i], base.rows));
      }
    }
  } catch (const std::exception& error) {
    fprintf(stderr, "vseg_graph_merge: %s\n", error.what());
    return 1;
  }
  return 0;
}
