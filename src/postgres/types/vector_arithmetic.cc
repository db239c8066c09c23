// Arithmetic, and functions of one vector.
#include "postgres/types/vector_ops.h"

extern "C" {
#include "utils/varbit.h"
}

namespace vseg {
namespace {

// The operations: how two elements combine, and whether the result may be zero.
struct Addition {
  static float apply(float a, float b) { return a + b; }
  static bool underflows(float, float, float) { return false; }
};

struct Subtraction {
  static float apply(float a, float b) { return a - b; }
  static bool underflows(float, float, float) { return false; }
};

struct Multiplication {
  static float apply(float a, float b) { return a * b; }
  static bool underflows(float a, float b, float result) { return result == 0 && a != 0 && b != 0; }
};

template <class Element, class Operation>
Datum elementwise(PG_FUNCTION_ARGS) {
  const VectorOf<Element>* a = vector_argument<Element>(fcinfo, 0);
  const VectorOf<Element>* b = vector_argument<Element>(fcinfo, 1);
  check_same_dimensions<Element>(a, b);
  VectorOf<Element>* result = make_vector<Element>(a->dim);
  for (int i = 0; i < a->dim; i++) {
    result->x[i] = Element::from_float(
        Operation::apply(Element::to_float(a->x[i]), Element::to_float(b->x[i])));
  }
  for (int i = 0; i < a->dim; i++) {
    const float value = Element::to_float(result->x[i]);
    if (std::isinf(value)) float_overflow_error();
    if (Operation::underflows(Element::to_float(a->x[i]), Element::to_float(b->x[i]), value)) {
      float_underflow_error();
    }
  }
  PG_RETURN_POINTER(result);
}

template <class Element>
Datum concatenate(PG_FUNCTION_ARGS) {
  const VectorOf<Element>* a = vector_argument<Element>(fcinfo, 0);
  const VectorOf<Element>* b = vector_argument<Element>(fcinfo, 1);
  check_dimensions<Element>(a->dim + b->dim);
  VectorOf<Element>* result = make_vector<Element>(a->dim + b->dim);
  memcpy(result->x, a->x, a->dim * sizeof(a->x[0]));
  memcpy(result->x + a->dim, b->x, b->dim * sizeof(b->x[0]));
  PG_RETURN_POINTER(result);
}

template <class Element>
Datum dimensions(PG_FUNCTION_ARGS) {
  PG_RETURN_INT32(vector_argument<Element>(fcinfo, 0)->dim);
}

// Summed in double: the square of a float's largest value fits.
template <class Element>
double euclidean_norm(const VectorOf<Element>* vector) {
  double sum = 0;
  for (int i = 0; i < vector->dim; i++) {
    const double value = Element::to_float(vector->x[i]);
    sum += value * value;
  }
  return std::sqrt(sum);
}

template <class Element>
Datum norm(PG_FUNCTION_ARGS) {
  PG_RETURN_FLOAT8(euclidean_norm<Element>(vector_argument<Element>(fcinfo, 0)));
}

// A zero vector stays zero.
template <class Element>
Datum normalize(PG_FUNCTION_ARGS) {
  const VectorOf<Element>* vector = vector_argument<Element>(fcinfo, 0);
  VectorOf<Element>* result = make_vector<Element>(vector->dim);
  const double norm = euclidean_norm<Element>(vector);
  if (norm == 0) PG_RETURN_POINTER(result);
  for (int i = 0; i < vector->dim; i++) {
    const double value = Element::to_float(vector->x[i]) / norm;
    result->x[i] = Element::from_float(static_cast<float>(value));
  }
  PG_RETURN_POINTER(result);
}

// One bit an element, set where it is positive.
template <class Element>
Datum binary_quantize(PG_FUNCTION_ARGS) {
  const VectorOf<Element>* vector = vector_argument<Element>(fcinfo, 0);
  const int size = VARBITTOTALLEN(vector->dim);
  VarBit* result = static_cast<VarBit*>(palloc0(size));
  SET_VARSIZE(result, size);
  VARBITLEN(result) = vector->dim;
  bits8* bits = VARBITS(result);
  for (int i = 0; i < vector->dim; i++) {
    if (Element::to_float(vector->x[i]) > 0) bits[i / 8] |= 0x80 >> (i % 8);
  }
  PG_RETURN_VARBIT_P(result);
}

// Elements start .. start + count - 1, counted from 1, as far as the vector has them.
template <class Element>
Datum subvector(PG_FUNCTION_ARGS) {
  const VectorOf<Element>* vector = vector_argument<Element>(fcinfo, 0);
  const int64 start = PG_GETARG_INT32(1);
  const int64 end = Min(start + PG_GETARG_INT32(2), static_cast<int64>(vector->dim) + 1);
  const int64 first = Max(start, static_cast<int64>(1));
  const int dim = static_cast<int>(Max(end - first, static_cast<int64>(0)));
  check_dimensions<Element>(dim);
  VectorOf<Element>* result = make_vector<Element>(dim);
  memcpy(result->x, vector->x + first - 1, dim * sizeof(vector->x[0]));
  PG_RETURN_POINTER(result);
}

}  // namespace
}  // namespace vseg

VSEG_SQL_FUNCTION(vseg_vector_add, (vseg::elementwise<vseg::Float32Element, vseg::Addition>))
VSEG_SQL_FUNCTION(vseg_vector_sub, (vseg::elementwise<vseg::Float32Element, vseg::Subtraction>))
VSEG_SQL_FUNCTION(vseg_vector_mul, (vseg::elementwise<vseg::Float32Element, vseg::Multiplication>))
VSEG_SQL_FUNCTION(vseg_vector_concat, vseg::concatenate<vseg::Float32Element>)
VSEG_SQL_FUNCTION(vseg_vector_dims, vseg::dimensions<vseg::Float32Element>)
VSEG_SQL_FUNCTION(vseg_vector_norm, vseg::norm<vseg::Float32Element>)
VSEG_SQL_FUNCTION(vseg_vector_l2_normalize, vseg::normalize<vseg::Float32Element>)
VSEG_SQL_FUNCTION(vseg_vector_binary_quantize, vseg::binary_quantize<vseg::Float32Element>)
VSEG_SQL_FUNCTION(vseg_vector_subvector, vseg::subvector<vseg::Float32Element>)
