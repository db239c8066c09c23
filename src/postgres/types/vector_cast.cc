// Casts: between vectors of declared dimensions, and from and to arrays of numbers.
#include "postgres/types/vector_ops.h"

extern "C" {
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
}

namespace vseg {
namespace {

// A cast's arguments are the value, the target's type modifier, and whether the cast is explicit.
template <class Element>
Datum to_typmod(PG_FUNCTION_ARGS) {
  const VectorOf<Element>* vector = vector_argument<Element>(fcinfo, 0);
  check_expected_dimensions(PG_GETARG_INT32(1), vector->dim);
  PG_RETURN_POINTER(vector);
}

// Numbers beyond float's range become infinities, which check_element refuses; those too near to
// zero become zero. numeric raises its own range error.
float number_to_float(Oid type, Datum number) {
  switch (type) {
    case INT4OID:
      return static_cast<float>(DatumGetInt32(number));
    case FLOAT4OID:
      return DatumGetFloat4(number);
    case FLOAT8OID:
      return static_cast<float>(DatumGetFloat8(number));
    case NUMERICOID:
      return DatumGetFloat4(DirectFunctionCall1(numeric_float4, number));
    default:
      ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("unsupported array type")));
  }
  pg_unreachable();
}

template <class Element>
Datum from_array(PG_FUNCTION_ARGS) {
  ArrayType* array = PG_GETARG_ARRAYTYPE_P(0);
  if (ARR_NDIM(array) > 1) {
    ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("array must be 1-D")));
  }
  if (ARR_HASNULL(array) && array_contains_nulls(array)) {
    ereport(ERROR,
            (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("array must not contain nulls")));
  }
  const Oid type = ARR_ELEMTYPE(array);
  int16 length;
  bool by_value;
  char align;
  Datum* numbers;
  int dim;
  get_typlenbyvalalign(type, &length, &by_value, &align);
  deconstruct_array(array, type, length, by_value, align, &numbers, nullptr, &dim);
  check_dimensions<Element>(dim);
  check_expected_dimensions(PG_GETARG_INT32(1), dim);

  VectorOf<Element>* vector = make_vector<Element>(dim);
  for (int i = 0; i < dim; i++) {
    vector->x[i] = Element::from_float(number_to_float(type, numbers[i]));
    check_element<Element>(vector->x[i]);
  }
  PG_RETURN_POINTER(vector);
}

template <class Element>
Datum to_real_array(PG_FUNCTION_ARGS) {
  const VectorOf<Element>* vector = vector_argument<Element>(fcinfo, 0);
  Datum* numbers = static_cast<Datum*>(palloc(sizeof(Datum) * vector->dim));
  for (int i = 0; i < vector->dim; i++) {
    numbers[i] = Float4GetDatum(Element::to_float(vector->x[i]));
  }
  PG_RETURN_ARRAYTYPE_P(
      construct_array(numbers, vector->dim, FLOAT4OID, sizeof(float4), true, TYPALIGN_INT));
}

}  // namespace
}  // namespace vseg

VSEG_SQL_FUNCTION(vseg_vector_to_typmod, vseg::to_typmod<vseg::Float32Element>)
VSEG_SQL_FUNCTION(vseg_array_to_vector, vseg::from_array<vseg::Float32Element>)
VSEG_SQL_FUNCTION(vseg_vector_to_float4, vseg::to_real_array<vseg::Float32Element>)
