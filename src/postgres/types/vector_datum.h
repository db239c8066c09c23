// The on-disk layout of `vector`, byte for byte pgvector's: a column of either extension's type is
// read the same way.
#ifndef VSEG_POSTGRES_TYPES_VECTOR_DATUM_H_
#define VSEG_POSTGRES_TYPES_VECTOR_DATUM_H_

extern "C" {
#include "postgres.h"
#include "fmgr.h"
}

namespace vseg {

// As many as fit into dim with room to spare; a vector(16000) is 64,008 bytes.
constexpr int kMaxVectorDimensions = 16000;

// A varlena with a 4-byte header (short ones are widened by detoasting), int4-aligned.
template <class T>
struct VectorDatum {
  int32 vl_len_;  // read and written by VARSIZE and SET_VARSIZE only
  int16 dim;      // 1 .. kMaxVectorDimensions
  int16 unused;   // 0
  T x[FLEXIBLE_ARRAY_MEMBER];

  static constexpr Size bytes(int dim) { return sizeof(VectorDatum) + dim * sizeof(T); }
};

using Vector = VectorDatum<float>;

static_assert(sizeof(Vector) == 8, "the elements start 8 bytes into the datum");

// Detoasts: the result is either the datum itself or a copy in the current memory context.
inline const Vector* datum_get_vector(Datum datum) {
  return reinterpret_cast<const Vector*>(PG_DETOAST_DATUM(datum));
}

}  // namespace vseg

#endif  // VSEG_POSTGRES_TYPES_VECTOR_DATUM_H_
