#include "metric.h"

#include <cmath>
#include <limits>
#include <stdexcept>

// One binary that uses the CPU's widest registers: exact answers are quadratic work.
#if defined(__x86_64__) && defined(__GNUC__)
#define VSEG_BENCH_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define VSEG_BENCH_CLONES
#endif

namespace vseg_bench {
namespace {

// Independent partial sums let the compiler vectorize without reordering an addition.
constexpr size_t kLanes = 16;

double Sum(const double* partial) {
  double sum = 0;
  for (size_t lane = 0; lane < kLanes; lane++) {
    sum += partial[lane];
  }
  return sum;
}

VSEG_BENCH_CLONES
double SquaredL2(const float* a, const float* b, size_t dim) {
  double partial[kLanes] = {};
  size_t i = 0;
  for (; i + kLanes <= dim; i += kLanes) {
    for (size_t lane = 0; lane < kLanes; lane++) {
      double difference = static_cast<double>(a[i + lane]) - static_cast<double>(b[i + lane]);
      partial[lane] += difference * difference;
    }
  }
  for (; i < dim; i++) {
    double difference = static_cast<double>(a[i]) - static_cast<double>(b[i]);
    partial[0] += difference * difference;
  }
  return Sum(partial);
}

VSEG_BENCH_CLONES
double InnerProduct(const float* a, const float* b, size_t dim) {
  double partial[kLanes] = {};
  size_t i = 0;
  for (; i + kLanes <= dim; i += kLanes) {
    for (size_t lane = 0; lane < kLanes; lane++) {
      partial[lane] += static_cast<double>(a[i + lane]) * static_cast<double>(b[i + lane]);
    }
  }
  for (; i < dim; i++) {
    partial[0] += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  }
  return Sum(partial);
}

double CosineDistance(const float* a, const float* b, size_t dim) {
  double norms = InnerProduct(a, a, dim) * InnerProduct(b, b, dim);
  if (norms == 0) {
    return std::numeric_limits<double>::infinity();
  }
  return 1 - InnerProduct(a, b, dim) / std::sqrt(norms);
}

}  // namespace

Metric ParseMetric(const std::string& name) {
  if (name == "l2") {
    return Metric::kL2;
  }
  if (name == "cosine") {
    return Metric::kCosine;
  }
  throw std::runtime_error("metric must be l2 or cosine, not \"" + name + "\"");
}

const char* MetricName(Metric metric) { return metric == Metric::kL2 ? "l2" : "cosine"; }

const char* MetricOperator(Metric metric) { return metric == Metric::kL2 ? "<->" : "<=>"; }

const char* MetricOpclass(Metric metric) {
  return metric == Metric::kL2 ? "vector_l2_ops" : "vector_cosine_ops";
}

const char* GroundTruthFile(Metric metric) {
  return metric == Metric::kL2 ? "gt_l2.ivecs" : "gt_cos.ivecs";
}

double ExactDistance(Metric metric, const float* a, const float* b, size_t dim) {
  return metric == Metric::kL2 ? std::sqrt(SquaredL2(a, b, dim)) : CosineDistance(a, b, dim);
}

}  // namespace vseg_bench
