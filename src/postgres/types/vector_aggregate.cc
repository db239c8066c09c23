// avg: its state is a float8 array {count, sum of element 1, sum of element 2, ...}; {0} is the
// state of no rows. (sum adds vectors with the + operator's function.)
#include "postgres/types/vector_ops.h"

extern "C" {
#include "catalog/pg_type.h"
#include "utils/array.h"
}

namespace vseg {
namespace {

// The numbers of a state array, which must outlive this view.
struct AverageState {
  float8* numbers;
  int dim;

  float8& count() const { return numbers[0]; }
  float8* sums() const { return numbers + 1; }
};

AverageState view_state(ArrayType* array, const char* caller) {
  if (ARR_NDIM(array) != 1 || ARR_DIMS(array)[0] < 1 || ARR_HASNULL(array) ||
      ARR_ELEMTYPE(array) != FLOAT8OID) {
    elog(ERROR, "%s: expected state array", caller);
  }
  return {reinterpret_cast<float8*>(ARR_DATA_PTR(array)), ARR_DIMS(array)[0] - 1};
}

ArrayType* make_state(int dim) {
  const int numbers = dim + 1;
  const Size size = ARR_OVERHEAD_NONULLS(1) + numbers * sizeof(float8);
  ArrayType* array = static_cast<ArrayType*>(palloc0(size));
  SET_VARSIZE(array, size);
  array->ndim = 1;
  array->elemtype = FLOAT8OID;
  ARR_DIMS(array)[0] = numbers;
  ARR_LBOUND(array)[0] = 1;
  return array;
}

// An aggregate's own state may be changed in place, any other array must not.
ArrayType* changeable_argument(FunctionCallInfo fcinfo) {
  return AggCheckCallContext(fcinfo, nullptr) ? PG_GETARG_ARRAYTYPE_P(0)
                                              : PG_GETARG_ARRAYTYPE_P_COPY(0);
}

template <class Element>
Datum accumulate(PG_FUNCTION_ARGS) {
  ArrayType* array = changeable_argument(fcinfo);
  AverageState state = view_state(array, "vector_accum");
  const VectorOf<Element>* vector = vector_argument<Element>(fcinfo, 1);
  if (state.count() == 0) {
    array = make_state(vector->dim);
    state = view_state(array, "vector_accum");
  }
  check_expected_dimensions(state.dim, vector->dim);
  state.count() += 1;
  for (int i = 0; i < state.dim; i++) {
    state.sums()[i] += Element::to_float(vector->x[i]);
    if (std::isinf(state.sums()[i])) float_overflow_error();
  }
  PG_RETURN_ARRAYTYPE_P(array);
}

// Of two states where one counts no rows, the other is the answer: also when both count none, as
// parallel workers that found nothing do.
Datum combine(PG_FUNCTION_ARGS) {
  ArrayType* array = changeable_argument(fcinfo);
  ArrayType* other_array = PG_GETARG_ARRAYTYPE_P(1);
  const AverageState state = view_state(array, "vector_combine");
  const AverageState other = view_state(other_array, "vector_combine");
  if (state.count() == 0) PG_RETURN_ARRAYTYPE_P(other_array);
  if (other.count() == 0) PG_RETURN_ARRAYTYPE_P(array);
  check_expected_dimensions(state.dim, other.dim);
  state.count() += other.count();
  for (int i = 0; i < state.dim; i++) {
    state.sums()[i] += other.sums()[i];
    if (std::isinf(state.sums()[i])) float_overflow_error();
  }
  PG_RETURN_ARRAYTYPE_P(array);
}

template <class Element>
Datum average(PG_FUNCTION_ARGS) {
  const AverageState state = view_state(PG_GETARG_ARRAYTYPE_P(0), "vector_avg");
  if (state.count() == 0) PG_RETURN_NULL();
  check_dimensions<Element>(state.dim);
  VectorOf<Element>* result = make_vector<Element>(state.dim);
  for (int i = 0; i < state.dim; i++) {
    result->x[i] = Element::from_float(static_cast<float>(state.sums()[i] / state.count()));
    check_element<Element>(result->x[i]);
  }
  PG_RETURN_POINTER(result);
}

}  // namespace
}  // namespace vseg

VSEG_SQL_FUNCTION(vseg_vector_accum, vseg::accumulate<vseg::Float32Element>)
VSEG_SQL_FUNCTION(vseg_vector_combine, vseg::combine)
VSEG_SQL_FUNCTION(vseg_vector_avg, vseg::average<vseg::Float32Element>)
