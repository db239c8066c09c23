// Text and binary input and output, and type modifiers.
//
// Text: [1,2.5,-3], white space anywhere between tokens. Binary, in network order: int16
// dimensions, int16 zero, then the elements.
#include "postgres/types/vector_ops.h"

extern "C" {
#include "utils/array.h"
}

namespace vseg {
namespace {

const char* skip_space(const char* p) {
  while (*p == ' ' || (*p >= '\t' && *p <= '\r')) p++;
  return p;
}

pg_attribute_noreturn() void report_syntax_error(const char* type_name, const char* literal,
                                                 const char* detail) {
  ereport(ERROR, (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
                  errmsg("invalid input syntax for type %s: \"%s\"", type_name, literal),
                  detail != nullptr ? errdetail("%s", detail) : 0));
  pg_unreachable();
}

// Enough room for what the literal can hold: one element more than it has commas.
int count_elements(const char* literal) {
  int count = 1;
  for (const char* p = literal; *p != '\0' && count < kMaxVectorDimensions; p++) count += *p == ',';
  return count;
}

// Reads one number and the white space behind it; `*p` moves to the token that follows.
template <class Element>
typename Element::Stored parse_element(const char** p, const char* literal) {
  const char* begin = skip_space(*p);
  char* end;
  errno = 0;
  const typename Element::Stored value = Element::parse(begin, &end);
  if (end == begin) report_syntax_error(Element::kTypeName, literal, nullptr);
  if (errno == ERANGE && std::isinf(Element::to_float(value))) {
    ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
                    errmsg("\"%s\" is out of range for type %s", pnstrdup(begin, end - begin),
                           Element::kTypeName)));
  }
  check_element<Element>(value);
  *p = skip_space(end);
  return value;
}

template <class Element>
Datum in(PG_FUNCTION_ARGS) {
  const char* literal = PG_GETARG_CSTRING(0);
  const char* p = skip_space(literal);
  if (*p != '[') {
    report_syntax_error(Element::kTypeName, literal, "Vector contents must start with \"[\".");
  }
  p = skip_space(p + 1);
  if (*p == ']') check_dimensions<Element>(0);

  VectorOf<Element>* vector = make_vector<Element>(count_elements(literal));
  int dim = 0;
  for (;;) {
    if (dim == kMaxVectorDimensions) check_dimensions<Element>(kMaxVectorDimensions + 1);
    vector->x[dim++] = parse_element<Element>(&p, literal);
    if (*p == ']') break;
    if (*p != ',') report_syntax_error(Element::kTypeName, literal, nullptr);
    p++;
  }
  if (*skip_space(p + 1) != '\0') {
    report_syntax_error(Element::kTypeName, literal, "Junk after closing right brace.");
  }
  check_expected_dimensions(PG_GETARG_INT32(2), dim);
  vector->dim = static_cast<int16>(dim);
  SET_VARSIZE(vector, VectorOf<Element>::bytes(dim));
  PG_RETURN_POINTER(vector);
}

template <class Element>
Datum out(PG_FUNCTION_ARGS) {
  const VectorOf<Element>* vector = vector_argument<Element>(fcinfo, 0);
  // Each element comes with a bracket or comma before it; then the last bracket and the zero.
  char* text = static_cast<char*>(palloc(vector->dim * (Element::kMaxPrintedLength + 1) + 2));
  char* p = text;
  for (int i = 0; i < vector->dim; i++) {
    *p++ = i == 0 ? '[' : ',';
    p += Element::print(vector->x[i], p);
  }
  *p++ = ']';
  *p = '\0';
  PG_RETURN_CSTRING(text);
}

template <class Element>
Datum receive(PG_FUNCTION_ARGS) {
  StringInfo buffer = reinterpret_cast<StringInfo>(PG_GETARG_POINTER(0));
  const int16 dim = static_cast<int16>(pq_getmsgint(buffer, sizeof(int16)));
  const int16 unused = static_cast<int16>(pq_getmsgint(buffer, sizeof(int16)));
  check_dimensions<Element>(dim);
  check_expected_dimensions(PG_GETARG_INT32(2), dim);
  if (unused != 0) {
    ereport(ERROR,
            (errcode(ERRCODE_DATA_EXCEPTION), errmsg("expected unused to be 0, not %d", unused)));
  }
  VectorOf<Element>* vector = make_vector<Element>(dim);
  for (int i = 0; i < dim; i++) {
    vector->x[i] = Element::receive(buffer);
    check_element<Element>(vector->x[i]);
  }
  PG_RETURN_POINTER(vector);
}

template <class Element>
Datum send(PG_FUNCTION_ARGS) {
  const VectorOf<Element>* vector = vector_argument<Element>(fcinfo, 0);
  StringInfoData buffer;
  pq_begintypsend(&buffer);
  pq_sendint16(&buffer, vector->dim);
  pq_sendint16(&buffer, vector->unused);
  for (int i = 0; i < vector->dim; i++) Element::send(&buffer, vector->x[i]);
  PG_RETURN_BYTEA_P(pq_endtypsend(&buffer));
}

template <class Element>
Datum typmod_in(PG_FUNCTION_ARGS) {
  int count;
  const int32* modifiers = ArrayGetIntegerTypmods(PG_GETARG_ARRAYTYPE_P(0), &count);
  if (count != 1) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("invalid type modifier")));
  }
  if (modifiers[0] < 1) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("dimensions for type %s must be at least 1", Element::kTypeName)));
  }
  if (modifiers[0] > kMaxVectorDimensions) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("dimensions for type %s cannot exceed %d", Element::kTypeName,
                           kMaxVectorDimensions)));
  }
  PG_RETURN_INT32(modifiers[0]);
}

}  // namespace
}  // namespace vseg

VSEG_SQL_FUNCTION(vseg_vector_in, vseg::in<vseg::Float32Element>)
VSEG_SQL_FUNCTION(vseg_vector_out, vseg::out<vseg::Float32Element>)
VSEG_SQL_FUNCTION(vseg_vector_recv, vseg::receive<vseg::Float32Element>)
VSEG_SQL_FUNCTION(vseg_vector_send, vseg::send<vseg::Float32Element>)
VSEG_SQL_FUNCTION(vseg_vector_typmod_in, vseg::typmod_in<vseg::Float32Element>)
