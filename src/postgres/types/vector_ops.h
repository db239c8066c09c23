// What the functions of a vector type share. They are templates over an element trait, so a type
// with another element (16-bit floats) is one more trait and a list of instantiations.
//
// C-style code inside C++: these functions leave by ereport's longjmp, so no local may have a
// destructor, and nothing throws.
#ifndef VSEG_POSTGRES_TYPES_VECTOR_OPS_H_
#define VSEG_POSTGRES_TYPES_VECTOR_OPS_H_

extern "C" {
#include "postgres.h"
#include "common/shortest_dec.h"
#include "fmgr.h"
#include "libpq/pqformat.h"
#include "utils/float.h"
}

#include <cmath>

#include "engine/kernels/distance.h"
#include "postgres/types/vector_datum.h"

// Makes `implementation` callable from SQL as the C function `name`. Names begin with vseg_, so
// that they cannot meet pgvector's in one process.
#define VSEG_SQL_FUNCTION(name, implementation)                               \
  extern "C" {                                                                \
  PGDLLEXPORT Datum name(PG_FUNCTION_ARGS);                                   \
  PG_FUNCTION_INFO_V1(name);                                                  \
  PGDLLEXPORT Datum name(PG_FUNCTION_ARGS) { return implementation(fcinfo); } \
  }

namespace vseg {

// The elements of `vector`. Arithmetic is done in float; to_float and from_float convert.
struct Float32Element {
  using Stored = float;
  static constexpr const char* kTypeName = "vector";
  static constexpr int kMaxPrintedLength = FLOAT_SHORTEST_DECIMAL_LEN - 1;

  static float to_float(Stored value) { return value; }
  static Stored from_float(float value) { return value; }

  // Reads a number at `text` and sets `end` behind it, or to `text` if there is none. Too large
  // magnitudes give an infinity and set errno to ERANGE; too small ones are rounded to zero.
  static Stored parse(const char* text, char** end) { return strtof(text, end); }
  // The shortest digits that read back as the same value; no terminating zero. Returns the length.
  static int print(Stored value, char* out) { return float_to_shortest_decimal_bufn(value, out); }

  static Stored receive(StringInfo buffer) { return pq_getmsgfloat4(buffer); }
  static void send(StringInfo buffer, Stored value) { pq_sendfloat4(buffer, value); }

  static float l2_squared(const Stored* a, const Stored* b, int n) {
    return distance_kernels().l2_squared(a, b, n);
  }
  static float inner_product(const Stored* a, const Stored* b, int n) {
    return distance_kernels().inner_product(a, b, n);
  }
  static float l1(const Stored* a, const Stored* b, int n) {
    return distance_kernels().l1(a, b, n);
  }
};

template <class Element>
using VectorOf = VectorDatum<typename Element::Stored>;

template <class Element>
const VectorOf<Element>* vector_argument(FunctionCallInfo fcinfo, int number) {
  return reinterpret_cast<const VectorOf<Element>*>(PG_DETOAST_DATUM(PG_GETARG_DATUM(number)));
}

template <class Element>
void check_dimensions(int dim) {
  if (dim < 1) {
    ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
                    errmsg("%s must have at least 1 dimension", Element::kTypeName)));
  }
  if (dim > kMaxVectorDimensions) {
    ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                    errmsg("%s cannot have more than %d dimensions", Element::kTypeName,
                           kMaxVectorDimensions)));
  }
}

// `typmod` is a column's declared number of dimensions, or -1 for any.
inline void check_expected_dimensions(int32 typmod, int dim) {
  if (typmod != -1 && typmod != dim) {
    ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
                    errmsg("expected %d dimensions, not %d", typmod, dim)));
  }
}

template <class Element>
void check_same_dimensions(const VectorOf<Element>* a, const VectorOf<Element>* b) {
  if (a->dim != b->dim) {
    ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("different %s dimensions %d and %d",
                                                            Element::kTypeName, a->dim, b->dim)));
  }
}

template <class Element>
void check_element(typename Element::Stored element) {
  const float value = Element::to_float(element);
  if (std::isnan(value)) {
    ereport(ERROR,
            (errcode(ERRCODE_DATA_EXCEPTION), errmsg("NaN not allowed in %s", Element::kTypeName)));
  }
  if (std::isinf(value)) {
    ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
                    errmsg("infinite value not allowed in %s", Element::kTypeName)));
  }
}

// A vector of zeros. `dim` must be valid.
template <class Element>
VectorOf<Element>* make_vector(int dim) {
  const Size size = VectorOf<Element>::bytes(dim);
  auto* vector = static_cast<VectorOf<Element>*>(palloc0(size));
  SET_VARSIZE(vector, size);
  vector->dim = static_cast<int16>(dim);
  return vector;
}

}  // namespace vseg

#endif  // VSEG_POSTGRES_TYPES_VECTOR_OPS_H_
