#include "postgres/access/opclass.h"

#include <cmath>

extern "C" {
#include "access/genam.h"
}

#include "postgres/types/vector_datum.h"

namespace vseg {
namespace pg {
namespace {

// `vector` scaled to unit length, in the current memory context; null if its length is zero.
const float* unit_vector(const float* vector, uint32_t dimensions) {
  double squared = 0;
  for (uint32_t i = 0; i < dimensions; i++) {
    squared += static_cast<double>(vector[i]) * vector[i];
  }
  if (squared == 0) {
    return nullptr;
  }
  const double scale = 1 / std::sqrt(squared);
  auto* scaled = static_cast<float*>(palloc(dimensions * sizeof(float)));
  for (uint32_t i = 0; i < dimensions; i++) {
    scaled[i] = static_cast<float>(vector[i] * scale);
  }
  return scaled;
}

}  // namespace

const OpclassSupport& opclass_support(Relation index) {
  FmgrInfo* support = index_getprocinfo(index, 1, kSupportProc);
  return *reinterpret_cast<const OpclassSupport*>(
      DatumGetPointer(FunctionCall1(support, PointerGetDatum(nullptr))));
}

const float* index_form(Datum value, Metric metric, uint32_t dimensions) {
  const Vector* vector = datum_get_vector(value);
  if (vector->dim != static_cast<int64_t>(dimensions)) {
    ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
                    errmsg("expected %u dimensions, not %d", dimensions, vector->dim)));
  }
  return metric == Metric::kCosine ? unit_vector(vector->x, dimensions) : vector->x;
}

}  // namespace pg
}  // namespace vseg

extern "C" {

#define OPCLASS_SUPPORT(name, engine_metric)                                        \
  PG_FUNCTION_INFO_V1(name);                                                        \
  PGDLLEXPORT Datum name(PG_FUNCTION_ARGS) {                                        \
    (void)fcinfo;                                                                   \
    static const vseg::pg::OpclassSupport kSupport = {vseg::Metric::engine_metric}; \
    PG_RETURN_POINTER(&kSupport);                                                   \
  }

OPCLASS_SUPPORT(vseg_l2_support, kL2)
OPCLASS_SUPPORT(vseg_ip_support, kInnerProduct)
OPCLASS_SUPPORT(vseg_cosine_support, kCosine)
OPCLASS_SUPPORT(vseg_l1_support, kL1)

}  // extern "C"
