#include "engine/graph/row_store.h"

#include <gtest/gtest.h>

#include "engine/common/errors.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

namespace vseg {
namespace {

std::vector<std::vector<float>> random_rows(uint32_t rows, uint32_t dimensions, float mean) {
  std::mt19937 random(7);
  std::normal_distribution<float> normal(mean, 1);
  std::vector<std::vector<float>> result(rows, std::vector<float>(dimensions));
  for (auto& row : result) {
    for (float& value : row) {
      value = normal(random);
    }
  }
  return result;
}

double expected_distance(Metric metric, const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (size_t d = 0; d < a.size(); ++d) {
    double difference = double{a[d]} - b[d];
    switch (metric) {
      case Metric::kInnerProduct:
        sum -= double{a[d]} * b[d];
        break;
      case Metric::kL1:
        sum += std::fabs(difference);
        break;
      default:
        sum += difference * difference;
    }
  }
  return sum;
}

class RowStoreOfMetric : public testing::TestWithParam<Metric> {};

INSTANTIATE_TEST_SUITE_P(Metrics, RowStoreOfMetric,
                         testing::Values(Metric::kL2, Metric::kInnerProduct, Metric::kCosine,
                                         Metric::kL1));

TEST_P(RowStoreOfMetric, DistancesOfFloatsAreThoseOfTheMetric) {
  auto rows = random_rows(50, 33, 0.5F);
  RowStore store(GetParam(), 33);
  for (const auto& row : rows) {
    store.append(row.data());
  }
  for (Ordinal i = 0; i < 50; ++i) {
    for (Ordinal j = 0; j < 50; ++j) {
      EXPECT_NEAR(store.distance(i, j), expected_distance(GetParam(), rows[i], rows[j]), 1e-3);
    }
  }
}

// Half a step of rounding error in each dimension, independent of each other.
TEST_P(RowStoreOfMetric, DistancesOfNarrowedRowsAreNearThoseOfFloats) {
  constexpr uint32_t kDimensions = 200;
  auto rows = random_rows(100, kDimensions, 2);
  RowStore store(GetParam(), kDimensions);
  for (Ordinal i = 0; i < 60; ++i) {
    store.append(rows[i].data());
  }
  store.narrow();
  for (Ordinal i = 60; i < 100; ++i) {
    store.append(rows[i].data());
  }
  ASSERT_TRUE(store.narrowed());
  ASSERT_EQ(store.rows(), 100U);
  for (Ordinal i = 0; i < 100; ++i) {
    for (Ordinal j = i + 1; j < 100; ++j) {
      double spread = expected_distance(Metric::kL2, rows[i], rows[j]);
      double exact = expected_distance(GetParam(), rows[i], rows[j]);
      double scale = GetParam() == Metric::kL1 ? exact : spread;
      EXPECT_NEAR(store.distance(i, j), exact, 0.02 * scale) << i << " " << j;
    }
  }
}

// But for inner products, which keep the exact norms.
TEST(RowStore, NarrowedDistanceIsThatOfTheRoundedRows) {
  auto rows = random_rows(20, 17, 0);
  for (Metric metric : {Metric::kL2, Metric::kCosine, Metric::kL1}) {
    RowStore store(metric, 17);
    for (const auto& row : rows) {
      store.append(row.data());
    }
    store.narrow();
    std::vector<float> a(17);
    std::vector<float> b(17);
    for (Ordinal i = 0; i < 20; ++i) {
      for (Ordinal j = 0; j < 20; ++j) {
        store.read(i, a.data());
        store.read(j, b.data());
        EXPECT_NEAR(store.distance(i, j), expected_distance(metric, a, b), 1e-3);
      }
    }
  }
}

TEST(RowStore, ReadGivesBackWhatWasAppended) {
  auto rows = random_rows(3, 5, 0);
  RowStore store(Metric::kL2, 5);
  for (const auto& row : rows) {
    store.append(row.data());
  }
  std::vector<float> out(5);
  store.read(2, out.data());
  EXPECT_EQ(out, rows[2]);
  EXPECT_EQ(std::vector<float>(store.row(1), store.row(1) + 5), rows[1]);
}

TEST(RowStore, KeepsRowsApartAcrossManyChunks) {
  for (uint32_t dimensions : {1U, 3U, 1536U, 16000U}) {
    uint32_t count = std::max(600000 / dimensions, 300U);
    RowStore store(Metric::kL1, dimensions);
    std::vector<float> row(dimensions, 0);
    for (uint32_t i = 0; i < count; ++i) {
      row[dimensions - 1] = static_cast<float>(i % 256);
      store.append(row.data());
    }
    for (int pass = 0; pass < 2; ++pass) {
      for (Ordinal i = 0; i + 1 < count; ++i) {
        float step = (i + 1) % 256 == 0 ? 255 : 1;
        ASSERT_EQ(store.distance(i, i + 1), step) << dimensions << " " << i;
      }
      if (pass == 0) {
        store.narrow();
      }
    }
  }
}

TEST(RowStore, NarrowingKeepsIntegersOfAByteExact) {
  RowStore store(Metric::kL2, 3);
  std::vector<std::vector<float>> rows = {{0, 10, -100}, {255, 20, -90}, {7, 13, -99}};
  for (const auto& row : rows) {
    store.append(row.data());
  }
  store.narrow();
  for (Ordinal i = 0; i < 3; ++i) {
    std::vector<float> out(3);
    store.read(i, out.data());
    EXPECT_EQ(out, rows[i]);
  }
  EXPECT_EQ(store.distance(0, 1), 255 * 255 + 10 * 10 + 10 * 10);
}

TEST(RowStore, NarrowedDimensionsHaveRoomForRowsToCome) {
  RowStore store(Metric::kL2, 2);
  for (float x : {0.0F, 255.0F}) {
    std::vector<float> row = {x, 1};
    store.append(row.data());
  }
  store.narrow();
  for (float y : {-80.0F, 80.0F}) {
    std::vector<float> row = {0, y};
    store.append(row.data());
  }
  EXPECT_EQ(store.distance(2, 3), 160 * 160);
}

TEST(RowStore, ValuesOutOfANarrowedRangeAreClamped) {
  RowStore store(Metric::kL1, 1);
  for (float x : {0.0F, 255.0F}) {
    store.append(&x);
  }
  store.narrow();
  for (float x : {-1e30F, 1e30F}) {
    store.append(&x);
  }
  EXPECT_EQ(store.distance(0, 2), 0);
  EXPECT_EQ(store.distance(1, 3), 0);
}

TEST(RowStore, EqualRowsCanBeNarrowed) {
  RowStore store(Metric::kL2, 4);
  std::vector<float> row = {1e-20F, 5, -3, 1e20F};
  for (int i = 0; i < 3; ++i) {
    store.append(row.data());
  }
  store.narrow();
  EXPECT_EQ(store.distance(0, 2), 0);
  std::vector<float> out(4);
  store.read(1, out.data());
  EXPECT_NEAR(out[1], 5, 0.5);
}

TEST(RowStore, DistancesOfHugeValuesAreNeverNotANumber) {
  float huge = std::numeric_limits<float>::max();
  for (Metric metric : {Metric::kL2, Metric::kInnerProduct, Metric::kL1}) {
    RowStore store(metric, 2);
    for (float x : {huge, -huge}) {
      std::vector<float> row = {x, huge};
      store.append(row.data());
    }
    EXPECT_FALSE(std::isnan(store.distance(0, 1)));
    store.narrow();
    EXPECT_FALSE(std::isnan(store.distance(0, 1)));
    EXPECT_FALSE(std::isnan(store.distance(0, 0)));
  }
}

TEST(RowStore, IsNewAfterClear) {
  RowStore store(Metric::kInnerProduct, 2);
  std::vector<float> row = {3, 4};
  store.append(row.data());
  store.narrow();
  store.clear();
  EXPECT_EQ(store.rows(), 0U);
  EXPECT_FALSE(store.narrowed());
  store.append(row.data());
  EXPECT_EQ(store.distance(0, 0), -25);
}

TEST(RowStore, EvenDimensionsNarrowWell) {
  RowStore store(Metric::kL2, 32);
  for (const auto& row : random_rows(500, 32, 0)) {
    store.append(row.data());
  }
  EXPECT_TRUE(store.narrows_well());
}

TEST(RowStore, ADimensionOfMuchWiderRangeForbidsNarrowing) {
  RowStore store(Metric::kL2, 32);
  uint32_t i = 0;
  for (auto& row : random_rows(500, 32, 0)) {
    const uint32_t pair = i++ / 2;  // told apart by the other dimensions
    row[0] = static_cast<float>(pair) * 1e4F;
    store.append(row.data());
  }
  EXPECT_FALSE(store.narrows_well());
}

TEST(RowStore, EqualRowsNarrowWell) {
  RowStore store(Metric::kL2, 3);
  const float row[] = {1, 2, 3};
  for (int i = 0; i < 10; ++i) {
    store.append(row);
  }
  EXPECT_TRUE(store.narrows_well());
}

TEST(RowStore, ANarrowedRowTakesAQuarter) {
  EXPECT_EQ(RowStore::bytes_per_row(Metric::kL2, 784, false), 3136U);
  EXPECT_EQ(RowStore::bytes_per_row(Metric::kL2, 784, true), 784U);
  EXPECT_EQ(RowStore::bytes_per_row(Metric::kInnerProduct, 784, true), 788U);
}

TEST(RowStore, NarrowingCanBeEnded) {
  RowStore store(Metric::kL2, 8);
  const std::vector<float> row(8, 1.0F);
  for (int i = 0; i < 100; i++) {
    store.append(row.data());
  }
  const RowStore::Look end = [] { throw CancelledError(); };
  EXPECT_THROW(store.narrows_well(end), CancelledError);
  EXPECT_THROW(store.narrow(end), CancelledError);
  store.clear();
  EXPECT_EQ(store.rows(), 0U);
}

}  // namespace
}  // namespace vseg
