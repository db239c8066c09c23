#include "sample.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>
#include <utility>

#include "engine/kernels/distance.h"

namespace vseg_bench {
namespace {

// Rows and queries of unit length are what engines get for cosine. A zero vector has no direction;
// such rows are refused, as an index would leave them out.
void Normalize(Matrix<float>* matrix) {
  const vseg::DistanceKernels& kernels = vseg::distance_kernels();
  for (size_t row = 0; row < matrix->rows; row++) {
    float* values = matrix->Row(row);
    float norm = std::sqrt(kernels.inner_product(values, values, matrix->dim));
    if (!(norm > 0)) {
      throw std::runtime_error("a zero vector has no cosine distance: row " + std::to_string(row));
    }
    std::for_each(values, values + matrix->dim, [norm](float& value) { value /= norm; });
  }
}

Dataset Prepared(Dataset data) {
  if (data.metric == Metric::kCosine) {
    Normalize(&data.base);
    Normalize(&data.queries);
  }
  return data;
}

}  // namespace

Sample::Sample(Dataset sample_data, size_t largest_k)
    : data(Prepared(std::move(sample_data))), exact(data, largest_k) {
  exact.Extend(data.base.rows);
}

}  // namespace vseg_bench
