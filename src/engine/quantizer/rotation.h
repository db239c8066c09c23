// The random rotation that RaBitQ asks for: it makes the signs of a vector's coordinates alike in
// what they tell, whatever the data (Gao & Long, "RaBitQ", SIGMOD 2024, section 3.1).
#ifndef VSEG_ENGINE_QUANTIZER_ROTATION_H_
#define VSEG_ENGINE_QUANTIZER_ROTATION_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace vseg {

// Coordinates of a rotated vector: the dimensions rounded up, so that codes fill whole vectors of
// any instruction set.
inline uint32_t padded_dimensions(uint32_t dimensions) { return (dimensions + 63) / 64 * 64; }

// An orthonormal map of the vector, padded with zeros, to padded() coordinates: lengths and inner
// products are kept. Four rounds of: flip signs; Hadamard transform of the largest power of two
// of coordinates that fits, the first ones and the last ones by turns; where that leaves some out,
// mix the halves, (a, b) -> (a + b, a - b) / sqrt(2) (a Kac walk's step). O(n log n).
//
// The flips come from a constant, so nothing of the rotation is stored, and codes on disk hold as
// long as it stays as it is. Every instruction set gives the same bits: each coordinate goes
// through the same additions in the same order, and no product is added to.
class Rotation {
 public:
  static constexpr uint32_t kRounds = 4;

  explicit Rotation(uint32_t dimensions);

  uint32_t dimensions() const { return dimensions_; }
  uint32_t padded() const { return padded_; }

  // `vector` has dimensions() floats, `rotated` room for padded(); they do not overlap.
  void apply(const float* vector, float* rotated) const;

 private:
  using Kernel = void (*)(const uint64_t* flips, size_t padded, float* x);

  uint32_t dimensions_;
  uint32_t padded_;
  std::vector<uint64_t> flips_;  // a bit per round and coordinate
  Kernel kernel_;
};

}  // namespace vseg

#endif  // VSEG_ENGINE_QUANTIZER_ROTATION_H_
