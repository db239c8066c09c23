// Distances. Sums are the kernels' floats; what is derived from them is computed in double. A sum
// that overflows is Infinity, not an error.
#include "postgres/types/vector_ops.h"

namespace vseg {
namespace {

template <class Element>
struct Operands {
  const VectorOf<Element>* a;
  const VectorOf<Element>* b;

  explicit Operands(FunctionCallInfo fcinfo)
      : a(vector_argument<Element>(fcinfo, 0)), b(vector_argument<Element>(fcinfo, 1)) {
    check_same_dimensions<Element>(a, b);
  }
  double l2_squared() const { return Element::l2_squared(a->x, b->x, a->dim); }
  double inner_product() const { return Element::inner_product(a->x, b->x, a->dim); }
  double l1() const { return Element::l1(a->x, b->x, a->dim); }
};

double clamp_to_unit(double value) {
  // NaN stays NaN.
  if (value > 1) return 1;
  if (value < -1) return -1;
  return value;
}

template <class Element>
Datum l2_distance(PG_FUNCTION_ARGS) {
  PG_RETURN_FLOAT8(std::sqrt(Operands<Element>(fcinfo).l2_squared()));
}

template <class Element>
Datum l2_squared_distance(PG_FUNCTION_ARGS) {
  PG_RETURN_FLOAT8(Operands<Element>(fcinfo).l2_squared());
}

template <class Element>
Datum inner_product(PG_FUNCTION_ARGS) {
  PG_RETURN_FLOAT8(Operands<Element>(fcinfo).inner_product());
}

template <class Element>
Datum negative_inner_product(PG_FUNCTION_ARGS) {
  PG_RETURN_FLOAT8(-Operands<Element>(fcinfo).inner_product());
}

// 1 - a.b / (|a| |b|): 0 .. 2, and NaN where a norm is zero or overflows.
template <class Element>
Datum cosine_distance(PG_FUNCTION_ARGS) {
  const Operands<Element> operands(fcinfo);
  const VectorOf<Element>* a = operands.a;
  const VectorOf<Element>* b = operands.b;
  const double a_squared = Element::inner_product(a->x, a->x, a->dim);
  const double b_squared = Element::inner_product(b->x, b->x, b->dim);
  const double similarity = operands.inner_product() / std::sqrt(a_squared * b_squared);
  PG_RETURN_FLOAT8(1 - clamp_to_unit(similarity));
}

// The angle between unit vectors, in half turns: 0 .. 1.
template <class Element>
Datum spherical_distance(PG_FUNCTION_ARGS) {
  PG_RETURN_FLOAT8(std::acos(clamp_to_unit(Operands<Element>(fcinfo).inner_product())) / M_PI);
}

template <class Element>
Datum l1_distance(PG_FUNCTION_ARGS) {
  PG_RETURN_FLOAT8(Operands<Element>(fcinfo).l1());
}

}  // namespace
}  // namespace vseg

VSEG_SQL_FUNCTION(vseg_vector_l2_distance, vseg::l2_distance<vseg::Float32Element>)
VSEG_SQL_FUNCTION(vseg_vector_l2_squared_distance, vseg::l2_squared_distance<vseg::Float32Element>)
VSEG_SQL_FUNCTION(vseg_vector_inner_product, vseg::inner_product<vseg::Float32Element>)
VSEG_SQL_FUNCTION(vseg_vector_negative_inner_product,
                  vseg::negative_inner_product<vseg::Float32Element>)
VSEG_SQL_FUNCTION(vseg_vector_cosine_distance, vseg::cosine_distance<vseg::Float32Element>)
VSEG_SQL_FUNCTION(vseg_vector_spherical_distance, vseg::spherical_distance<vseg::Float32Element>)
VSEG_SQL_FUNCTION(vseg_vector_l1_distance, vseg::l1_distance<vseg::Float32Element>)
