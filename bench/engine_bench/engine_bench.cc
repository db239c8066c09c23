// Builds a graph over a data set in memory and measures what searching it costs.
//
//   vseg_engine_bench DIR [--metric l2|cosine|ip|l1] [--m 16] [--ef-construction 100] [--threads 2]
//                         [--rows N] [--queries 1000] [--store both|floats|narrowed]
//
// DIR has base.fvecs and query.fvecs. Exact answers are computed here, ties counted by distance.
// Searches always compare exact floats; "narrowed" is about what the graph was built over.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "engine/graph/graph_builder.h"
#include "memory_graph_search.h"

namespace vseg {
namespace {

constexpr size_t kNeighbors = 10;

struct Settings {
  std::string directory;
  Metric metric = Metric::kL2;
  GraphOptions graph{16, 100, 2};
  size_t rows = SIZE_MAX;
  size_t queries = 1000;
  std::string store = "both";
};

struct Vectors {
  uint32_t dimensions = 0;
  size_t count = 0;
  std::vector<float> values;
  const float* row(size_t i) const { return values.data() + i * dimensions; }
};

struct Data {
  Vectors base;
  Vectors queries;
  std::vector<float> bounds;  // per query, the distance of the last exact answer
};

class Silent : public BuildMonitor {
 public:
  void inserted(uint32_t) override {}
  bool cancelled() override { return false; }
};

double seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

Metric parse_metric(const std::string& name) {
  if (name == "l2") {
    return Metric::kL2;
  }
  if (name == "cosine") {
    return Metric::kCosine;
  }
  if (name == "ip") {
    return Metric::kInnerProduct;
  }
  if (name == "l1") {
    return Metric::kL1;
  }
  throw std::invalid_argument("unknown metric " + name);
}

void set_option(const std::string& option, const std::string& value, Settings* settings) {
  if (option == "--metric") {
    settings->metric = parse_metric(value);
  } else if (option == "--m") {
    settings->graph.m = static_cast<uint32_t>(std::stoul(value));
  } else if (option == "--ef-construction") {
    settings->graph.ef_construction = static_cast<uint32_t>(std::stoul(value));
  } else if (option == "--threads") {
    settings->graph.threads = static_cast<uint32_t>(std::stoul(value));
  } else if (option == "--rows") {
    settings->rows = std::stoul(value);
  } else if (option == "--queries") {
    settings->queries = std::stoul(value);
  } else if (option == "--store") {
    settings->store = value;
  } else {
    throw std::invalid_argument("unknown option " + option);
  }
}

Settings parse(int argc, char** argv) {
  if (argc < 2 || argc % 2 != 0) {
    throw std::invalid_argument("usage: vseg_engine_bench DIR [--option value]...");
  }
  Settings settings;
  settings.directory = argv[1];
  for (int i = 2; i + 1 < argc; i += 2) {
    set_option(argv[i], argv[i + 1], &settings);
  }
  return settings;
}

void normalize(float* row, uint32_t dimensions) {
  float norm = std::sqrt(distance_kernels().inner_product(row, row, dimensions));
  for (uint32_t d = 0; norm > 0 && d < dimensions; ++d) {
    row[d] /= norm;
  }
}

Vectors read_vectors(const std::string& path, size_t limit, Metric metric) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    throw std::runtime_error("cannot open " + path);
  }
  Vectors vectors;
  int32_t dimensions;
  while (vectors.count < limit &&
         file.read(reinterpret_cast<char*>(&dimensions), sizeof(dimensions))) {
    vectors.dimensions = static_cast<uint32_t>(dimensions);
    size_t at = vectors.values.size();
    vectors.values.resize(at + vectors.dimensions);
    if (!file.read(reinterpret_cast<char*>(&vectors.values[at]),
                   static_cast<std::streamsize>(vectors.dimensions * sizeof(float)))) {
      throw std::runtime_error(path + " ends within a vector");
    }
    if (metric == Metric::kCosine) {
      normalize(&vectors.values[at], vectors.dimensions);
    }
    ++vectors.count;
  }
  return vectors;
}

float distance(Metric metric, const float* a, const float* b, uint32_t n) {
  static const DistanceKernels& kernels = distance_kernels();
  switch (metric) {
    case Metric::kInnerProduct:
      return -kernels.inner_product(a, b, n);
    case Metric::kL1:
      return kernels.l1(a, b, n);
    default:
      return kernels.l2_squared(a, b, n);
  }
}

std::vector<float> exact_bounds(const Vectors& base, const Vectors& queries, Metric metric) {
  std::vector<float> bounds;
  std::vector<float> all(base.count);
  for (size_t q = 0; q < queries.count; ++q) {
    for (size_t i = 0; i < base.count; ++i) {
      all[i] = distance(metric, queries.row(q), base.row(i), base.dimensions);
    }
    std::nth_element(all.begin(), all.begin() + (kNeighbors - 1), all.end());
    float bound = all[kNeighbors - 1];
    bounds.push_back(bound + std::fabs(bound) * 1e-6F);
  }
  return bounds;
}

void sweep(const Data& data, Metric metric, const Graph& graph) {
  MemoryGraphSearch search(graph);
  for (size_t ef : {10, 20, 30, 40, 50, 60, 80, 120, 200}) {
    SearchCounts counts;
    size_t right = 0;
    double start = seconds();
    for (size_t q = 0; q < data.queries.count; ++q) {
      const float* query = data.queries.row(q);
      auto to_query = [&](Ordinal row) {
        return distance(metric, query, data.base.row(row), data.base.dimensions);
      };
      auto hits = search.search(to_query, ef, &counts);
      for (size_t i = 0; i < std::min(kNeighbors, hits.size()); ++i) {
        right += hits[i].first <= data.bounds[q];
      }
    }
    double elapsed = seconds() - start;
    auto n = static_cast<double>(data.queries.count);
    std::printf("  ef %3zu  recall@10 %.4f  distances %6.0f  hops %5.1f  QPS %6.0f\n", ef,
                static_cast<double>(right) / (n * kNeighbors),
                static_cast<double>(counts.distances) / n, static_cast<double>(counts.hops) / n,
                n / elapsed);
  }
}

void measure(const Data& data, const Settings& settings, bool narrowed) {
  RowStore rows(settings.metric, data.base.dimensions);
  for (size_t i = 0; i < data.base.count; ++i) {
    rows.append(data.base.row(i));
    if (narrowed && i == data.base.count / 4) {
      rows.narrow();  // as where memory runs short: later rows have no part in the range
    }
  }
  Silent monitor;
  double start = seconds();
  Graph graph = build_graph(rows, settings.graph, monitor);
  double elapsed = seconds() - start;
  size_t edges = 0;
  for (Ordinal row = 0; row < graph.rows; ++row) {
    edges += graph.list_size(row);
  }
  std::printf("%s: built in %.2f s by %u threads, %.1f of %u neighbours, %zu entry points\n",
              narrowed ? "narrowed" : "floats", elapsed, settings.graph.threads,
              static_cast<double>(edges) / graph.rows, graph.degree, graph.entry_points.size());
  sweep(data, settings.metric, graph);
}

void run(const Settings& settings) {
  Data data;
  data.base = read_vectors(settings.directory + "/base.fvecs", settings.rows, settings.metric);
  data.queries =
      read_vectors(settings.directory + "/query.fvecs", settings.queries, settings.metric);
  data.bounds = exact_bounds(data.base, data.queries, settings.metric);
  std::printf("%s: %zu rows of %u dimensions, %zu queries, m %u, ef_construction %u\n",
              settings.directory.c_str(), data.base.count, data.base.dimensions, data.queries.count,
              settings.graph.m, settings.graph.ef_construction);
  if (settings.store != "narrowed") {
    measure(data, settings, false);
  }
  if (settings.store != "floats") {
    measure(data, settings, true);
  }
}

}  // namespace
}  // namespace vseg

int main(int argc, char** argv) {
  try {
    vseg::run(vseg::parse(argc, argv));
  } catch (const std::exception& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
  }
  return 0;
}
