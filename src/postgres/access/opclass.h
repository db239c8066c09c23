// What an operator class says about the vectors and the order of an index.
#ifndef VSEG_POSTGRES_ACCESS_OPCLASS_H_
#define VSEG_POSTGRES_ACCESS_OPCLASS_H_

#include "postgres/boundary/postgres_headers.h"

#include "engine/common/types.h"

namespace vseg {
namespace pg {

// Operator class support function 1 returns a pointer to one of these, a constant.
struct OpclassSupport {
  Metric metric;
};

constexpr StrategyNumber kDistanceStrategy = 1;
constexpr uint16 kSupportProc = 1;

const OpclassSupport& opclass_support(Relation index);

// The vector of a datum, in the metric's form, ready for the engine: `floats` points into the
// detoasted datum or to a scaled copy in the current memory context. Raises
// ERRCODE_DATA_EXCEPTION if its dimensions are not `dimensions`. Returns null for a zero vector
// under cosine, which has no direction and is not indexed.
const float* index_form(Datum value, Metric metric, uint32_t dimensions);

}  // namespace pg
}  // namespace vseg

#endif  // VSEG_POSTGRES_ACCESS_OPCLASS_H_
