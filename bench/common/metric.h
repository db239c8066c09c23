// The metric of a run: its operator, operator class and exact distance.
#pragma once

#include <cstddef>
#include <string>

namespace vseg_bench {

enum class Metric { kL2, kCosine };

// "l2" or "cosine"; throws std::runtime_error for anything else.
Metric ParseMetric(const std::string& name);
const char* MetricName(Metric metric);
const char* MetricOperator(Metric metric);
const char* MetricOpclass(Metric metric);
// The file of exact answers that belongs to the metric.
const char* GroundTruthFile(Metric metric);

// In double from float32 values. A zero vector has no cosine distance and is in no index: infinity.
double ExactDistance(Metric metric, const float* a, const float* b, size_t dim);

}  // namespace vseg_bench
