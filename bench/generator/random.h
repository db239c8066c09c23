// Random numbers that are the same on every machine. The standard fixes std::mt19937_64 bit by bit
// but leaves its distributions, and the C library its logarithms, to the implementation: here are
// only integers, and sums and products of floats.
#pragma once

#include <cstdint>
#include <random>

namespace vseg_bench {

class Random {
 public:
  explicit Random(uint64_t seed) : bits_(seed) {}

  // In [0, 1), in steps of 2^-53.
  double Uniform() { return static_cast<double>(bits_() >> 11) * 0x1p-53; }

  // In [0, n); n is far below 2^32, so that the bias does not matter.
  uint32_t Below(uint32_t n) { return static_cast<uint32_t>((bits_() >> 32) * n >> 32); }

  // Mean 0, variance 1, nearly normal: a sum of four even numbers of 16 bits, each with a variance
  // of (2^32 - 1) / 12.
  float Normal() {
    constexpr float kMean = 2 * 65535.0F;
    constexpr float kDeviation = 37837.227F;  // sqrt((2^32 - 1) / 3)
    uint64_t bits = bits_();
    uint64_t sum = (bits & 0xFFFF) + (bits >> 16 & 0xFFFF) + (bits >> 32 & 0xFFFF) + (bits >> 48);
    return (static_cast<float>(sum) - kMean) / kDeviation;
  }

 private:
  std::mt19937_64 bits_;
};

}  // namespace vseg_bench
