#include <gtest/gtest.h>

#include <cfloat>
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "engine/quantizer/split_vector.h"
#include "engine/quantizer/split_vector_targets.h"

namespace vseg {
namespace {

struct Split {
  SplitScale scale;
  std::vector<uint8_t> bytes;
  std::vector<uint16_t> remainders;
};

Split split(const std::vector<float>& vector) {
  Split parts{{}, std::vector<uint8_t>(vector.size()), std::vector<uint16_t>(vector.size())};
  parts.scale =
      split_vector(vector.data(), vector.size(), parts.bytes.data(), parts.remainders.data());
  return parts;
}

std::vector<float> random_vector(size_t n, float center) {
  std::mt19937 random(static_cast<unsigned>(n));
  std::normal_distribution<float> normal(center, 3);
  std::vector<float> vector(n);
  for (float& x : vector) x = normal(random);
  return vector;
}

// In double: what the parts stand for.
double value(const Split& parts, size_t i, bool both) {
  const double number = parts.bytes[i] * 65536.0 + (both ? parts.remainders[i] : 32768.0);
  return parts.scale.low + static_cast<double>(parts.scale.unit) * number;
}

TEST(SplitVector, BothPartsAreAsGoodAsAFloatTheFirstAsAByte) {
  for (float center : {0.0F, 100.0F}) {
    const std::vector<float> vector = random_vector(1536, center);
    const Split parts = split(vector);
    const double range = static_cast<double>(parts.scale.unit) * (1 << 24);
    for (size_t i = 0; i < vector.size(); i++) {
      EXPECT_LE(std::abs(value(parts, i, true) - vector[i]), range / (1 << 24));
      EXPECT_LE(std::abs(value(parts, i, false) - vector[i]), range / 510);
    }
  }
}

TEST(SplitVector, EveryTargetJoinsThePartsAtEveryLengthAndAlignment) {
  for (size_t n = 1; n <= 70; n++) {
    Split parts = split(random_vector(n, 1));
    parts.bytes.insert(parts.bytes.begin(), 0);
    parts.remainders.insert(parts.remainders.begin(), 0);
    for (const SplitVectorKernels& kernels : split_vector_kernels_of_all_targets()) {
      std::vector<float> first(n + 1, 7), both(n + 1, 7);
      kernels.join_bytes(parts.scale, parts.bytes.data() + 1, n, first.data());
      kernels.join_vector(parts.scale, parts.bytes.data() + 1, parts.remainders.data() + 1, n,
                          both.data());
      for (size_t i = 0; i < n; i++) {
        EXPECT_NEAR(first[i], value(parts, i + 1, false), 1e-5);
        EXPECT_NEAR(both[i], value(parts, i + 1, true), 1e-5);
      }
      EXPECT_EQ(first[n], 7) << "written beyond the end";
      EXPECT_EQ(both[n], 7) << "written beyond the end";
    }
  }
}

TEST(SplitVector, EqualCoordinatesAreKept) {
  const Split parts = split({2.5F, 2.5F, 2.5F});
  std::vector<float> joined(3);
  join_vector(parts.scale, parts.bytes.data(), parts.remainders.data(), 3, joined.data());
  EXPECT_EQ(joined, std::vector<float>(3, 2.5F));
  join_bytes(parts.scale, parts.bytes.data(), 3, joined.data());
  EXPECT_EQ(joined, std::vector<float>(3, 2.5F));
}

TEST(SplitVector, AWideRangeAndANarrowOneAreSplit) {
  for (float most : {FLT_MAX, 1e-25F}) {
    const Split parts = split({-most, 0, most});
    EXPECT_EQ(parts.bytes[0], 0);
    EXPECT_LE(std::abs(value(parts, 1, true)), most * 1e-6);
    EXPECT_LE(std::abs(value(parts, 2, true) - most), most * 1e-6);
  }
}

}  // namespace
}  // namespace vseg
