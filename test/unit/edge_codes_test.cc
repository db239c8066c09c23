#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

#include "engine/quantizer/edge_codes.h"
#include "engine/quantizer/every_target.h"
#include "engine/quantizer/quantizer_reference.h"

namespace vseg {
namespace {

std::vector<float> random_vector(uint32_t n, unsigned seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal;
  std::vector<float> vector(n);
  for (float& x : vector) x = normal(generator);
  return vector;
}

// A node's code area of `neighbors` neighbours, on the heap at its exact size, and the vectors that
// went into it.
struct Area {
  Area(Metric metric, uint32_t dimensions, uint32_t degree, uint32_t neighbors)
      : padded(padded_dimensions(dimensions)),
        degree(degree),
        own(random_vector(padded, 1)),
        bytes(edge_code_bytes(dimensions, degree), std::byte{0xAB}) {
    EdgeEncoder encoder(metric, dimensions, degree);
    encoder.start(own.data(), bytes.data());
    for (uint32_t i = 0; i < neighbors; i++) {
      vectors.push_back(random_vector(padded, i + 2));
      encoder.add(vectors.back().data());
    }
  }

  float factor(uint32_t lane, bool scaling) const {
    const size_t group = lane / 32 * 32, lanes = group + 32 <= degree ? 32 : 16;
    const size_t at = group * (padded / 8 + 8) + lanes * padded / 8 +
                      (scaling ? lanes : 0) * sizeof(float) + lane % 32 * sizeof(float);
    float value;
    std::memcpy(&value, &bytes[at], sizeof(value));
    return value;
  }

  // Code of coordinate i, found as the header describes the layout.
  int sign(uint32_t lane, size_t i) const {
    const size_t group = lane / 32 * 32, nibbles = padded / 4;
    const size_t start = group * (padded / 8 + 8);
    const size_t column = lane % 16 < 8 ? lane % 16 * 2 : (lane % 16 - 8) * 2 + 1;
    const bool wide = group + 32 <= degree;
    size_t row = i / 4;
    bool high = lane % 32 >= 16;
    if (!wide) {
      high = row >= nibbles / 2;
      row %= nibbles / 2;
    }
    const unsigned byte = std::to_integer<unsigned>(bytes[start + row * 16 + column]);
    return (byte >> (high ? 4 : 0) >> (i % 4) & 1) != 0 ? 1 : -1;
  }

  uint32_t padded, degree;
  std::vector<float> own;
  std::vector<std::vector<float>> vectors;
  std::vector<std::byte> bytes;
};

// Dimensions and degree.
class EdgeCodesOf : public testing::TestWithParam<std::tuple<uint32_t, uint32_t>> {
 protected:
  uint32_t dimensions = std::get<0>(GetParam()), degree = std::get<1>(GetParam());
};

INSTANTIATE_TEST_SUITE_P(DimensionsAndDegrees, EdgeCodesOf,
                         testing::Combine(testing::Values(1, 50, 128, 784),
                                          testing::Values(16, 32, 48, 208)));

TEST_P(EdgeCodesOf, AreTheSignsOfTheResidualAndItsFactors) {
  const Area area(Metric::kL2, dimensions, degree, degree);
  for (uint32_t lane = 0; lane < degree; lane++) {
    const EdgeReference reference(area.own, area.vectors[lane]);
    for (size_t i = 0; i < area.padded; i++) {
      ASSERT_EQ(area.sign(lane, i), reference.signs[i]) << lane << " " << i;
    }
    const double additive = reference.squares + 2 * reference.f * reference.signed_own;
    const double magnitude =
        reference.squares + 2 * reference.f * std::sqrt(area.padded) * 2;  // of what is summed
    EXPECT_NEAR(area.factor(lane, false), additive, 2e-5 * magnitude) << lane;
    EXPECT_NEAR(area.factor(lane, true), -2 * reference.f, 1e-5 * reference.f) << lane;
  }
}

TEST_P(EdgeCodesOf, ForTheInnerProductHaveOnlyAScalingFactor) {
  const Area area(Metric::kInnerProduct, dimensions, degree, degree);
  for (uint32_t lane = 0; lane < degree; lane++) {
    const EdgeReference reference(area.own, area.vectors[lane]);
    EXPECT_EQ(area.factor(lane, false), 0);
    EXPECT_NEAR(area.factor(lane, true), -reference.f, 1e-5 * reference.f);
  }
}

TEST_P(EdgeCodesOf, AreInfinitelyFarWhereThereIsNoNeighbor) {
  const uint32_t used = degree - 9;
  const Area area(Metric::kL2, dimensions, degree, used);
  for (uint32_t lane = 0; lane < degree; lane++) {
    EXPECT_EQ(std::isinf(area.factor(lane, false)), lane >= used) << lane;
    EXPECT_EQ(area.factor(lane, true) == 0, lane >= used) << lane;
  }
}

TEST_P(EdgeCodesOf, AreTheSameOnEveryTarget) {
  const Area best(Metric::kL2, dimensions, degree, degree - 3);
  for (const int64_t target : hwy::SupportedAndGeneratedTargets()) {
    const ChosenTarget chosen(target);
    const Area area(Metric::kL2, dimensions, degree, degree - 3);
    for (uint32_t lane = 0; lane < degree; lane++) {
      for (size_t i = 0; i < area.padded; i++) {
        ASSERT_EQ(area.sign(lane, i), best.sign(lane, i)) << hwy::TargetName(target) << lane;
      }
      if (lane >= degree - 3) continue;
      const double tolerance = 1e-4 * area.padded;
      EXPECT_NEAR(area.factor(lane, false), best.factor(lane, false), tolerance);
      EXPECT_NEAR(area.factor(lane, true) / best.factor(lane, true), 1, 1e-5);
    }
  }
}

TEST(EdgeCodes, TakeAByteForEightCoordinatesAndTwoFactors) {
  EXPECT_EQ(edge_code_bytes(784, 32), 32u * (832 / 8 + 8));
  EXPECT_EQ(edge_code_bytes(1, 16), 16u * (64 / 8 + 8));
  EXPECT_EQ(edge_code_bytes(128, 48), 48u * (128 / 8 + 8));
}

TEST(EdgeCodes, OfANeighborEqualToTheNodeAreHarmless) {
  const std::vector<float> own = random_vector(64, 1);
  Area area(Metric::kL2, 64, 32, 0);
  EdgeEncoder encoder(Metric::kL2, 64, 32);
  encoder.start(own.data(), area.bytes.data());
  encoder.add(own.data());
  EXPECT_EQ(area.factor(0, false), 0);
  EXPECT_EQ(area.factor(0, true), 0);
}

TEST(EdgeCodes, OfAResidualTooLongForFloatsAreHarmless) {
  const std::vector<float> own(64, -2e38f), far(64, 2e38f);
  for (const Metric metric : {Metric::kL2, Metric::kInnerProduct}) {
    Area area(metric, 64, 32, 0);
    EdgeEncoder encoder(metric, 64, 32);
    encoder.start(own.data(), area.bytes.data());
    encoder.add(far.data());
    EXPECT_EQ(area.factor(0, false), 0);
    EXPECT_EQ(area.factor(0, true), 0);
  }
}

TEST(EdgeCodes, ForgetTheAreaBefore) {
  const Area fresh(Metric::kL2, 128, 48, 40);
  std::vector<std::byte> reused(fresh.bytes.size(), std::byte{0xFF});
  EdgeEncoder encoder(Metric::kL2, 128, 48);
  for (int round = 0; round < 2; round++) {
    encoder.start(round == 0 ? fresh.vectors[7].data() : fresh.own.data(), reused.data());
    for (const std::vector<float>& vector : fresh.vectors) encoder.add(vector.data());
  }
  EXPECT_EQ(reused, fresh.bytes);
}

TEST(EdgeCodes, AreThereForEveryMetricButL1) {
  EXPECT_TRUE(has_edge_codes(Metric::kL2));
  EXPECT_TRUE(has_edge_codes(Metric::kInnerProduct));
  EXPECT_TRUE(has_edge_codes(Metric::kCosine));
  EXPECT_FALSE(has_edge_codes(Metric::kL1));
}

}  // namespace
}  // namespace vseg
