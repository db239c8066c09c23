#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "engine/quantizer/every_target.h"
#include "engine/quantizer/rotation.h"

namespace vseg {
namespace {

std::vector<float> random_vector(uint32_t n, unsigned seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal;
  std::vector<float> vector(n);
  for (float& x : vector) x = normal(generator);
  return vector;
}

std::vector<float> rotated(const Rotation& rotation, const std::vector<float>& vector) {
  std::vector<float> result(rotation.padded());
  rotation.apply(vector.data(), result.data());
  return result;
}

double product(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); i++) sum += static_cast<double>(a[i]) * b[i];
  return sum;
}

class RotationOfDimensions : public testing::TestWithParam<uint32_t> {};

INSTANTIATE_TEST_SUITE_P(Dimensions, RotationOfDimensions,
                         testing::Values(1, 3, 50, 64, 100, 128, 192, 784, 1536, 8192, 16000));

TEST_P(RotationOfDimensions, KeepsLengthsAndInnerProducts) {
  for (const int64_t target : hwy::SupportedAndGeneratedTargets()) {
    const ChosenTarget chosen(target);
    const Rotation rotation(GetParam());
    const std::vector<float> a = random_vector(GetParam(), 1), b = random_vector(GetParam(), 2);
    const std::vector<float> ra = rotated(rotation, a), rb = rotated(rotation, b);
    const double aa = product(a, a), bb = product(b, b);
    EXPECT_NEAR(product(ra, ra), aa, 1e-5 * aa) << hwy::TargetName(target);
    EXPECT_NEAR(product(rb, rb), bb, 1e-5 * bb) << hwy::TargetName(target);
    EXPECT_NEAR(product(ra, rb), product(a, b), 1e-5 * std::sqrt(aa * bb));
  }
}

TEST_P(RotationOfDimensions, IsTheSameOnEveryTarget) {
  const std::vector<float> vector = random_vector(GetParam(), 3);
  const std::vector<float> best = rotated(Rotation(GetParam()), vector);
  for (const int64_t target : hwy::SupportedAndGeneratedTargets()) {
    const ChosenTarget chosen(target);
    EXPECT_EQ(rotated(Rotation(GetParam()), vector), best) << hwy::TargetName(target);
  }
}

// A vector along one axis ends up in all coordinates alike, as signs need it: none of them has more
// than a few times its share, and the sum of magnitudes is nearly that of a random direction.
TEST_P(RotationOfDimensions, SpreadsAnAxisOverAllCoordinates) {
  const Rotation rotation(GetParam());
  const double n = rotation.padded();
  for (const uint32_t axis : {0u, GetParam() / 2, GetParam() - 1}) {
    std::vector<float> vector(GetParam(), 0);
    vector[axis] = 1;
    double magnitudes = 0, largest = 0;
    for (const float x : rotated(rotation, vector)) {
      magnitudes += std::fabs(x);
      largest = std::fmax(largest, std::fabs(x));
    }
    EXPECT_GT(magnitudes, 0.65 * std::sqrt(n)) << axis;
    EXPECT_LT(largest, 6 / std::sqrt(n)) << axis;
  }
}

TEST(Rotation, PadsToWholeGroupsOf64) {
  EXPECT_EQ(Rotation(1).padded(), 64u);
  EXPECT_EQ(Rotation(64).padded(), 64u);
  EXPECT_EQ(Rotation(65).padded(), 128u);
  EXPECT_EQ(Rotation(784).padded(), 832u);
  EXPECT_EQ(Rotation(16000).padded(), 16000u);
}

// The values are on disk, in codes: they must never change.
TEST(Rotation, OfKnownVectorsIsWhatItHasAlwaysBeen) {
  const std::vector<float> one = rotated(Rotation(1), {1.0f});
  EXPECT_FLOAT_EQ(one[1], -0.05859375f);
  EXPECT_FLOAT_EQ(one[63], 0.1015625f);
  std::vector<float> ramp(100);
  for (size_t i = 0; i < ramp.size(); i++) ramp[i] = static_cast<float>(i);
  const std::vector<float> hundred = rotated(Rotation(100), ramp);
  EXPECT_FLOAT_EQ(hundred[0], 64.5283051f);
  EXPECT_FLOAT_EQ(hundred[127], 29.1044903f);
  const std::vector<float> mixed = rotated(Rotation(784), std::vector<float>(784, 1.0f));
  EXPECT_FLOAT_EQ(mixed[0], -1.8054893f);
  EXPECT_FLOAT_EQ(mixed[831], -1.61565447f);
}

TEST(Rotation, WritesNothingBeyondThePaddedVector) {
  const Rotation rotation(784);
  std::vector<float> result(rotation.padded() + 16, 7);
  rotation.apply(random_vector(784, 4).data(), result.data());
  for (size_t i = rotation.padded(); i < result.size(); i++) EXPECT_EQ(result[i], 7);
}

}  // namespace
}  // namespace vseg
