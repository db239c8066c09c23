// The order of vectors: element by element, and where one is the other's beginning, the shorter
// first. Vectors of different dimensions are comparable.
#include "postgres/types/vector_ops.h"

namespace vseg {
namespace {

template <class Element>
int compare(const VectorOf<Element>* a, const VectorOf<Element>* b) {
  const int common = Min(a->dim, b->dim);
  for (int i = 0; i < common; i++) {
    const float left = Element::to_float(a->x[i]);
    const float right = Element::to_float(b->x[i]);
    if (left < right) return -1;
    if (left > right) return 1;
  }
  return (a->dim > b->dim) - (a->dim < b->dim);
}

// Sorts and btrees call this in long-lived memory contexts, so detoasted copies are freed.
template <class Element>
int compare_arguments(FunctionCallInfo fcinfo) {
  const VectorOf<Element>* a = vector_argument<Element>(fcinfo, 0);
  const VectorOf<Element>* b = vector_argument<Element>(fcinfo, 1);
  const int order = compare<Element>(a, b);
  PG_FREE_IF_COPY(const_cast<VectorOf<Element>*>(a), 0);
  PG_FREE_IF_COPY(const_cast<VectorOf<Element>*>(b), 1);
  return order;
}

template <class Element>
Datum less(PG_FUNCTION_ARGS) {
  PG_RETURN_BOOL(compare_arguments<Element>(fcinfo) < 0);
}

template <class Element>
Datum less_equal(PG_FUNCTION_ARGS) {
  PG_RETURN_BOOL(compare_arguments<Element>(fcinfo) <= 0);
}

template <class Element>
Datum equal(PG_FUNCTION_ARGS) {
  PG_RETURN_BOOL(compare_arguments<Element>(fcinfo) == 0);
}

template <class Element>
Datum not_equal(PG_FUNCTION_ARGS) {
  PG_RETURN_BOOL(compare_arguments<Element>(fcinfo) != 0);
}

template <class Element>
Datum greater_equal(PG_FUNCTION_ARGS) {
  PG_RETURN_BOOL(compare_arguments<Element>(fcinfo) >= 0);
}

template <class Element>
Datum greater(PG_FUNCTION_ARGS) {
  PG_RETURN_BOOL(compare_arguments<Element>(fcinfo) > 0);
}

template <class Element>
Datum order(PG_FUNCTION_ARGS) {
  PG_RETURN_INT32(compare_arguments<Element>(fcinfo));
}

}  // namespace
}  // namespace vseg

VSEG_SQL_FUNCTION(vseg_vector_lt, vseg::less<vseg::Float32Element>)
VSEG_SQL_FUNCTION(vseg_vector_le, vseg::less_equal<vseg::Float32Element>)
VSEG_SQL_FUNCTION(vseg_vector_eq, vseg::equal<vseg::Float32Element>)
VSEG_SQL_FUNCTION(vseg_vector_ne, vseg::not_equal<vseg::Float32Element>)
VSEG_SQL_FUNCTION(vseg_vector_ge, vseg::greater_equal<vseg::Float32Element>)
VSEG_SQL_FUNCTION(vseg_vector_gt, vseg::greater<vseg::Float32Element>)
VSEG_SQL_FUNCTION(vseg_vector_cmp, vseg::order<vseg::Float32Element>)
