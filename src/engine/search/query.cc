#include "engine/search/query.h"

#include "engine/common/engine_only.h"

namespace vseg {
namespace {

FloatKernel kernel_of(Metric metric) {
  const DistanceKernels& kernels = distance_kernels();
  switch (metric) {
    case Metric::kInnerProduct:
      return kernels.inner_product;
    case Metric::kL1:
      return kernels.l1;
    case Metric::kL2:
    case Metric::kCosine:
      break;
  }
  return kernels.l2_squared;
}

}  // namespace

Query::Query(Metric metric, const float* vector, uint32_t dimensions)
    : metric_(metric),
      vector_(vector, vector + dimensions),
      kernel_(kernel_of(metric)),
      negate_(metric == Metric::kInnerProduct) {}

const CodedQuery& Query::coded(uint32_t degree) const {
  std::shared_ptr<const CodedQuery>& coded = coded_[degree];
  if (coded == nullptr) {
    coded = std::make_shared<const CodedQuery>(Rotation(dimensions()), degree, vector());
  }
  return *coded;
}

}  // namespace vseg
