// A vector in two parts: a byte a coordinate, to find its way by, and 16 bits a coordinate that are
// read only when an exact distance is asked for. Two-level locally-adaptive vector quantization
// (LVQ; Aguerrebere et al., "Similarity search in the blink of an eye with compressed indices",
// VLDB 2023) with 8 and 16 bits.
//
// A coordinate x is the number round((x - low) / unit), of 24 bits, where low is the least
// coordinate of the vector and low + unit * (2^24 - 1) the greatest; its high 8 bits are the first
// part, its low 16 the second. A float has 24 bits as well, so both parts together are as good as
// one, but for coordinates that are small beside the greatest. The first part alone errs by
// at most unit * 2^15.
#ifndef VSEG_ENGINE_QUANTIZER_SPLIT_VECTOR_H_
#define VSEG_ENGINE_QUANTIZER_SPLIT_VECTOR_H_

#include <cstddef>
#include <cstdint>

namespace vseg {

// On disk, in front of the bytes.
struct SplitScale {
  float low;
  float unit;
};
static_assert(sizeof(SplitScale) == 8);

// Splits n >= 1 coordinates, all finite.
SplitScale split_vector(const float* vector, size_t n, uint8_t* bytes, uint16_t* remainders);

// The n coordinates, from the first part alone (the middle of what they may be) or from both. At
// any alignment. Every instruction set gives the same floats but for a rounding.
void join_bytes(const SplitScale& scale, const uint8_t* bytes, size_t n, float* vector);
void join_vector(const SplitScale& scale, const uint8_t* bytes, const uint16_t* remainders,
                 size_t n, float* vector);

}  // namespace vseg

#endif  // VSEG_ENGINE_QUANTIZER_SPLIT_VECTOR_H_
