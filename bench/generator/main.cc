// vseg_generate: a seeded data set of clustered vectors for benchmarks, with held-out queries,
// queries unlike the data, and the exact nearest rows of both.
//
//   vseg_generate OUT --dimensions D --rows N --queries Q --seed S [--SHAPE VALUE]...
//   vseg_generate OUT --embeddings DIR
//
// Writes base.fvecs, query.fvecs, ood.fvecs, gt_l2.ivecs and ood_gt_l2.ivecs into the directory
// OUT, which is made. The same arguments give the same bytes on every machine, and the first N rows
// and all queries are the same whatever N is. Shapes are the members of MixtureShape (mixture.h).
//
// The second form takes glosses.copy and held_out.copy, which vseg_lsa (demo/lsa) wrote into DIR,
// for rows and queries, and writes base.fvecs, query.fvecs and gt_cos.ivecs.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <functional>
#include <map>
#include <stdexcept>
#include <string>

#include "copy_vectors.h"
#include "metric.h"
#include "mixture.h"
#include "nearest.h"
#include "vecs_file.h"

namespace vseg_bench {
namespace {

constexpr size_t kNearest = 100;

struct Settings {
  std::string out;
  std::string embeddings;  // the second form's directory; else empty
  size_t rows = 60000;
  size_t queries = 1000;
  uint64_t seed = 1;
  MixtureShape shape;
};

using Setter = std::function<void(const std::string&)>;

// A number of at least 1.
uint32_t Count(const std::string& text) {
  size_t used = 0;
  long long value = std::stoll(text, &used);
  if (used != text.size() || value < 1 || value > INT32_MAX) {
    throw std::runtime_error("not a count: " + text);
  }
  return static_cast<uint32_t>(value);
}

std::map<std::string, Setter> Setters(Settings* settings) {
  auto count = [](auto* target) {
    return [target](const std::string& text) { *target = Count(text); };
  };
  auto length = [](float* target) {
    return [target](const std::string& text) { *target = std::stof(text); };
  };
  MixtureShape& shape = settings->shape;
  return {
      {"--embeddings", [settings](const std::string& text) { settings->embeddings = text; }},
      {"--dimensions", count(&shape.dimensions)},
      {"--rows", count(&settings->rows)},
      {"--queries", count(&settings->queries)},
      {"--seed", count(&settings->seed)},
      {"--clusters", count(&shape.clusters)},
      {"--fewest-directions", count(&shape.fewest_directions)},
      {"--most-directions", count(&shape.most_directions)},
      {"--center-directions", count(&shape.center_directions)},
      {"--centers", length(&shape.centers)},
      {"--halving", length(&shape.halving)},
      {"--noise", length(&shape.noise)},
      {"--shift", length(&shape.shift)},
  };
}

Settings Parse(int argc, char** argv) {
  Settings settings;
  std::map<std::string, Setter> setters = Setters(&settings);
  if (argc < 2 || argc % 2 != 0) {
    std::string usage = "usage: vseg_generate OUT [--option VALUE]...; options:";
    for (const auto& [name, setter] : setters) {
      usage += " " + name;
    }
    throw std::runtime_error(usage);
  }
  settings.out = argv[1];
  for (int i = 2; i < argc; i += 2) {
    auto setter = setters.find(argv[i]);
    if (setter == setters.end()) {
      throw std::runtime_error(std::string("unknown option ") + argv[i]);
    }
    setter->second(argv[i + 1]);
  }
  if (settings.shape.most_directions < settings.shape.fewest_directions) {
    throw std::runtime_error("--most-directions is less than --fewest-directions");
  }
  return settings;
}

// Writes the exact answers beside the data, and says how long they took.
void WriteAnswers(const std::string& path, const Matrix<float>& base, const Matrix<float>& queries,
                  Metric metric) {
  auto start = std::chrono::steady_clock::now();
  WriteIvecs(path, ExactNearest(base, queries, metric, std::min(kNearest, base.rows)));
  std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  printf("%s: %zu queries, %.1f s\n", path.c_str(), queries.rows, seconds.count());
}

void Generate(const Settings& settings) {
  // Streams of random numbers that do not depend on each other's length.
  enum Stream : uint64_t { kMixture, kBase, kQueries, kOutside, kStreams };
  auto seed = [&](Stream stream) { return settings.seed * kStreams + stream; };
  std::filesystem::create_directories(settings.out);
  const MixtureShape& shape = settings.shape;
  Mixture mixture(shape, seed(kMixture));
  Matrix<float> base = DrawRows(mixture, shape, settings.rows, seed(kBase));
  WriteFvecs(settings.out + "/base.fvecs", base);
  Matrix<float> queries = DrawRows(mixture, shape, settings.queries, seed(kQueries));
  WriteFvecs(settings.out + "/query.fvecs", queries);
  Matrix<float> outside = DrawOutsideRows(mixture, shape, settings.queries, seed(kOutside));
  WriteFvecs(settings.out + "/ood.fvecs", outside);
  printf("%s: %zu rows of %zu dimensions\n", settings.out.c_str(), base.rows, base.dim);
  WriteAnswers(settings.out + "/gt_l2.ivecs", base, queries, Metric::kL2);
  WriteAnswers(settings.out + "/ood_gt_l2.ivecs", base, outside, Metric::kL2);
}

void Convert(const Settings& settings) {
  Matrix<float> base = ReadCopiedVectors(settings.embeddings + "/glosses.copy");
  Matrix<float> queries = ReadCopiedVectors(settings.embeddings + "/held_out.copy");
  if (base.dim != queries.dim) {
    throw std::runtime_error("queries and base differ in dimension");
  }
  std::filesystem::create_directories(settings.out);
  WriteFvecs(settings.out + "/base.fvecs", base);
  WriteFvecs(settings.out + "/query.fvecs", queries);
  printf("%s: %zu rows of %zu dimensions\n", settings.out.c_str(), base.rows, base.dim);
  WriteAnswers(settings.out + "/" + GroundTruthFile(Metric::kCosine), base, queries,
               Metric::kCosine);
}

void Run(int argc, char** argv) {
  Settings settings = Parse(argc, argv);
  if (settings.embeddings.empty()) {
    Generate(settings);
  } else {
    Convert(settings);
  }
}

}  // namespace
}  // namespace vseg_bench

int main(int argc, char** argv) {
  try {
    vseg_bench::Run(argc, argv);
  } catch (const std::exception& error) {
    fprintf(stderr, "vseg_generate: %s\n", error.what());
    return 1;
  }
  return 0;
}
