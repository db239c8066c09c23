// Exact nearest neighbours by brute force.
#pragma once

#include <cstddef>
#include <cstdint>

#include "metric.h"
#include "vecs_file.h"

namespace vseg_bench {

// Numbers of the k nearest rows of every query, nearest first; equally near rows by number. By
// distances in double, so that every machine finds the same. REQUIRES: k <= base.rows.
Matrix<int32_t> ExactNearest(const Matrix<float>& base, const Matrix<float>& queries, Metric metric,
                             size_t k);

}  // namespace vseg_bench
