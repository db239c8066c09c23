#include <sys/mman.h>
#include <unistd.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

#include "engine/kernels/distance_reference.h"
#include "engine/quantizer/coded_query.h"
#include "engine/quantizer/edge_codes.h"
#include "engine/quantizer/every_target.h"
#include "engine/quantizer/quantizer_reference.h"

namespace vseg {
namespace {

using Vector = std::vector<float>;

Vector random_vector(uint32_t n, unsigned seed, float scale = 1) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal;
  Vector vector(n);
  for (float& x : vector) x = scale * normal(generator);
  return vector;
}

// A node with neighbours and its code area, which ends where an unreadable page begins and starts
// at any address: reading one byte too many is a fault.
class Node {
 public:
  Node(Metric metric, uint32_t dimensions, uint32_t degree, uint32_t neighbors, unsigned seed = 1,
       float own_scale = 1)
      : metric(metric),
        rotation(dimensions),
        degree(degree),
        own(random_vector(dimensions, seed, own_scale)) {
    rotated_own = rotated(own);
    allocate(edge_code_bytes(dimensions, degree));
    EdgeEncoder encoder(metric, dimensions, degree);
    encoder.start(rotated_own.data(), area);
    for (uint32_t i = 0; i < neighbors; i++) {
      vectors.push_back(random_vector(dimensions, 1000 * seed + i));
      encoder.add(rotated(vectors.back()).data());
    }
  }
  ~Node() { munmap(base_, mapped_); }
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  Vector rotated(const Vector& vector) const {
    Vector result(rotation.padded());
    rotation.apply(vector.data(), result.data());
    return result;
  }

  double distance(const Vector& query, const Vector& vector) const {
    if (metric == Metric::kInnerProduct) {
      return -inner_product_reference(query.data(), vector.data(), query.size());
    }
    return l2_squared_reference(query.data(), vector.data(), query.size());
  }

  Vector estimates(const Vector& query) const {
    const CodedQuery coded(rotation, degree, query.data());
    Vector distances(degree, -1);
    const float own_distance = static_cast<float>(distance(query, own));
    coded.estimate(own_distance, area, static_cast<uint32_t>(vectors.size()), distances.data());
    distances.resize(vectors.size());
    return distances;
  }

  const Metric metric;
  const Rotation rotation;
  const uint32_t degree;
  const Vector own;
  Vector rotated_own;
  std::vector<Vector> vectors;
  std::byte* area = nullptr;

 private:
  void allocate(size_t bytes) {
    const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    const size_t readable = (bytes + page - 1) / page * page;
    mapped_ = readable + page;
    base_ = mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(base_, MAP_FAILED);
    std::byte* end = static_cast<std::byte*>(base_) + readable;
    ASSERT_EQ(mprotect(end, page, PROT_NONE), 0);
    area = end - bytes;
  }

  void* base_ = nullptr;
  size_t mapped_ = 0;
};

// What rounding the table's entries may change in an estimate: each by up to half a step. Errors of
// many entries are independent, and their sum within six of its standard deviations.
double rounding_bound(const Node& node, const EdgeReference& edge, const Vector& rotated_query) {
  double largest = 0;
  for (size_t i = 0; i < rotated_query.size(); i += 4) {
    double sum = 0;
    for (size_t j = i; j < i + 4; j++) sum += std::fabs(rotated_query[j]);
    largest = std::fmax(largest, sum);
  }
  const double entries = static_cast<double>(rotated_query.size()) / 4;
  const double factor = (node.metric == Metric::kInnerProduct ? 1 : 2) * edge.f;
  const double floats = 1e-5 * (edge.squares + factor * std::fabs(edge.signed_own));
  const double steps = entries > 16 ? 6 * std::sqrt(entries / 12) : 0.5 * entries;
  return factor * largest / 127 * steps + floats;
}

// Dimensions, degree and metric.
class CodedQueryOf : public testing::TestWithParam<std::tuple<uint32_t, uint32_t, Metric>> {
 protected:
  uint32_t dimensions = std::get<0>(GetParam()), degree = std::get<1>(GetParam());
  Metric metric = std::get<2>(GetParam());
};

INSTANTIATE_TEST_SUITE_P(
    DimensionsDegreesAndMetrics, CodedQueryOf,
    testing::Combine(testing::Values(1, 50, 128, 784, 4096), testing::Values(16, 32, 48, 208),
                     testing::Values(Metric::kL2, Metric::kInnerProduct, Metric::kCosine)));

TEST_P(CodedQueryOf, EstimatesWhatTheFormulaGives) {
  const Node node(metric, dimensions, degree, degree);
  const Vector query = random_vector(dimensions, 999), rotated_query = node.rotated(query);
  const double own_distance = node.distance(query, node.own);
  for (const int64_t target : hwy::SupportedAndGeneratedTargets()) {
    const ChosenTarget chosen(target);
    const Vector estimates = node.estimates(query);
    for (uint32_t i = 0; i < degree; i++) {
      const EdgeReference edge(node.rotated_own, node.rotated(node.vectors[i]));
      const double expected = metric == Metric::kInnerProduct
                                  ? edge.inner_product_estimate(own_distance, rotated_query)
                                  : edge.l2_estimate(own_distance, rotated_query);
      EXPECT_NEAR(estimates[i], expected, rounding_bound(node, edge, rotated_query))
          << hwy::TargetName(target) << " " << i;
    }
  }
}

TEST(CodedQuery, EstimatesTheSameOnEveryTarget) {
  const Node node(Metric::kL2, 784, 48, 48);
  const Vector query = random_vector(784, 7);
  const Vector best = node.estimates(query);
  for (const int64_t target : hwy::SupportedAndGeneratedTargets()) {
    const ChosenTarget chosen(target);
    const Vector estimates = node.estimates(query);
    for (size_t i = 0; i < best.size(); i++) {
      EXPECT_NEAR(estimates[i], best[i], 4e-7 * 784 * 4) << hwy::TargetName(target);
    }
  }
}

// The vector that is rotated to `image`: the rotation is orthonormal, so its transpose undoes it.
Vector rotated_back(const Rotation& rotation, const Vector& image) {
  Vector axis(rotation.dimensions(), 0), rotated(rotation.padded()), result(rotation.dimensions());
  for (size_t i = 0; i < result.size(); i++) {
    axis[i] = 1;
    rotation.apply(axis.data(), rotated.data());
    axis[i] = 0;
    result[i] =
        static_cast<float>(inner_product_reference(rotated.data(), image.data(), image.size()));
  }
  return result;
}

// A query along the codes selects the largest entry of every table.
TEST(CodedQuery, SumsTheLargestEntriesOfTheMostDimensionsWithoutOverflow) {
  const uint32_t dimensions = kMaxDimensions;
  const Rotation rotation(dimensions);
  const Vector own(dimensions, 0), up(dimensions, 1), down(dimensions, -1);
  const Vector query = rotated_back(rotation, up);
  for (const uint32_t degree : {16u, 32u}) {
    std::vector<std::byte> area(edge_code_bytes(dimensions, degree));
    EdgeEncoder encoder(Metric::kInnerProduct, dimensions, degree);
    encoder.start(own.data(), area.data());
    for (uint32_t i = 0; i < degree; i++) encoder.add(i % 3 == 0 ? down.data() : up.data());
    for (const int64_t target : hwy::SupportedAndGeneratedTargets()) {
      const ChosenTarget chosen(target);
      Vector distances(degree);
      const CodedQuery coded(rotation, degree, query.data());
      coded.estimate(0, area.data(), degree, distances.data());
      for (uint32_t i = 0; i < degree; i++) {
        EXPECT_NEAR(distances[i], i % 3 == 0 ? 16000 : -16000, 1) << hwy::TargetName(target);
      }
    }
  }
}

TEST(CodedQuery, EstimatesAnyNumberOfNeighbors) {
  for (const uint32_t degree : {16u, 32u, 48u}) {
    const Node node(Metric::kL2, 100, degree, degree);
    const Vector query = random_vector(100, 7);
    const Vector all = node.estimates(query);
    const CodedQuery coded(node.rotation, degree, query.data());
    const float own_distance = static_cast<float>(node.distance(query, node.own));
    for (uint32_t neighbors = 0; neighbors <= degree; neighbors++) {
      Vector some(degree, -1);
      coded.estimate(own_distance, node.area, neighbors, some.data());
      for (uint32_t i = 0; i < neighbors; i++) EXPECT_EQ(some[i], all[i]) << neighbors;
    }
  }
}

TEST(CodedQuery, FindsNoNeighborInUnusedLanes) {
  const Node node(Metric::kL2, 100, 48, 35);
  const Vector query = random_vector(100, 7);
  const CodedQuery coded(node.rotation, 48, query.data());
  Vector distances(48);
  coded.estimate(1, node.area, 48, distances.data());
  for (uint32_t i = 35; i < 48; i++) {
    EXPECT_EQ(distances[i], std::numeric_limits<float>::infinity()) << i;
  }
}

// RaBitQ's promise: over random directions the error has no mean, and relative to 2 |r| times
// the part of q - v across r (the part along r is estimated exactly), a standard deviation of
// sqrt(1 / alpha^2 - 1) / sqrt(D - 1), alpha = sqrt(2 / pi) in the limit. The errors of one node
// have its direction in common, so there must be many nodes.
class CodedQueryStatistics : public testing::TestWithParam<uint32_t> {};

INSTANTIATE_TEST_SUITE_P(Dimensions, CodedQueryStatistics, testing::Values(128, 768));

TEST_P(CodedQueryStatistics, ErrorsHaveNoMeanAndTheStatedDeviation) {
  const uint32_t dimensions = GetParam();
  double sum = 0, squares = 0, count = 0;
  for (unsigned seed = 1; seed <= 500; seed++) {
    const Node node(Metric::kL2, dimensions, 16, 16, seed);
    const Vector query = random_vector(dimensions, 1000 * seed + 999);
    const Vector estimates = node.estimates(query);
    const double to_own = node.distance(query, node.own);
    for (size_t i = 0; i < estimates.size(); i++) {
      const double residual = node.distance(node.own, node.vectors[i]);
      const double exact = node.distance(query, node.vectors[i]);
      const double twice_along = (to_own + residual - exact) / std::sqrt(residual);
      const double across = std::sqrt(to_own - twice_along * twice_along / 4);
      const double error = (estimates[i] - exact) / (2 * across * std::sqrt(residual));
      sum += error;
      squares += error * error;
      count++;
    }
  }
  const double alpha = std::sqrt(2 / std::acos(-1.0));
  const double deviation = std::sqrt(1 / (alpha * alpha) - 1) / std::sqrt(dimensions - 1.0);
  EXPECT_NEAR(std::sqrt(squares / count), deviation, 0.05 * deviation);
  EXPECT_NEAR(sum / count, 0, 0.08 * deviation);
}

TEST_P(CodedQueryOf, LowerBoundsAreEstimatesLessTheMarginOfTheirSums) {
  const Node node(metric, dimensions, degree, degree);
  const Vector query = random_vector(dimensions, 999);
  const float own_distance = static_cast<float>(node.distance(query, node.own));
  const Vector estimates = node.estimates(query);
  for (const int64_t target : hwy::SupportedAndGeneratedTargets()) {
    const ChosenTarget chosen(target);
    const CodedQuery coded(node.rotation, degree, query.data());
    const float margin = 3 * coded.sum_deviation(2);
    EXPECT_GT(margin, 0);
    Vector bounds(degree);
    coded.lower_bounds(own_distance, margin, node.area, degree, bounds.data());
    for (uint32_t i = 0; i < degree; i++) {
      const EdgeReference edge(node.rotated_own, node.rotated(node.vectors[i]));
      const double factor = (metric == Metric::kInnerProduct ? 1 : 2) * edge.f;
      EXPECT_NEAR(bounds[i], estimates[i] - factor * margin,
                  1e-5 * (own_distance + edge.squares + factor * (std::fabs(edge.signed_own) + 1)))
          << hwy::TargetName(target) << " " << i;
    }
  }
}

// Over many nodes, in standard deviations as stated.
struct ErrorStatistics {
  double count = 0, sum = 0, squares = 0;
  double above[4] = {};  // errors above 0, 1, 2 and 3 deviations: violated lower bounds

  void add(double error) {
    count++;
    sum += error;
    squares += error * error;
    for (int i = 0; i < 4; i++) above[i] += error > i ? 1 : 0;
  }
};

class SumDeviation : public testing::TestWithParam<std::tuple<uint32_t, Metric>> {};

INSTANTIATE_TEST_SUITE_P(DimensionsAndMetrics, SumDeviation,
                         testing::Combine(testing::Values(64, 200, 768),
                                          testing::Values(Metric::kL2, Metric::kInnerProduct)));

TEST_P(SumDeviation, IsThatOfEstimatesAndBoundsAreViolatedAsRarelyAsStated) {
  const auto [dimensions, metric] = GetParam();
  ErrorStatistics statistics;
  for (unsigned seed = 1; seed <= 1500; seed++) {
    const Node node(metric, dimensions, 16, 16, seed, 0.01f);
    const Vector query = random_vector(dimensions, 1000 * seed + 999);
    const Vector estimates = node.estimates(query);
    const bool product = metric == Metric::kInnerProduct;
    const Vector origin(dimensions, 0);
    const double length = std::sqrt(
        l2_squared_reference(query.data(), (product ? origin : node.own).data(), dimensions));
    const CodedQuery coded(node.rotation, 16, query.data());
    const double deviation = coded.sum_deviation(static_cast<float>(length));
    for (size_t i = 0; i < estimates.size(); i++) {
      const EdgeReference edge(node.rotated_own, node.rotated(node.vectors[i]));
      const double exact = node.distance(query, node.vectors[i]);
      statistics.add((estimates[i] - exact) / ((product ? 1 : 2) * edge.f * deviation));
    }
  }
  EXPECT_NEAR(statistics.sum / statistics.count, 0, 0.04);
  EXPECT_NEAR(std::sqrt(statistics.squares / statistics.count), 1, 0.03);
  for (int e = 1; e < 4; e++) {
    const double expected = std::erfc(e / std::sqrt(2.0)) / 2;
    EXPECT_NEAR(statistics.above[e] / statistics.count, expected, 0.2 * expected + 3e-4) << e;
  }
}

// The sum of the codes is known, so what is left of the error is rounding.
TEST(CodedQuery, SumDeviationCountsTheRoundingOfTables) {
  const uint32_t dimensions = 256;
  ErrorStatistics statistics;
  for (unsigned seed = 1; seed <= 2000; seed++) {
    const Rotation rotation(dimensions);
    const Vector query = random_vector(dimensions, seed, 1000),
                 code = random_vector(dimensions, seed + 5000);
    std::vector<std::byte> area(edge_code_bytes(dimensions, 16));
    const Vector own(dimensions, 0);
    EdgeEncoder encoder(Metric::kInnerProduct, dimensions, 16);
    encoder.start(own.data(), area.data());
    encoder.add(code.data());
    const CodedQuery coded(rotation, 16, query.data());
    Vector rotated(dimensions), distances(16);
    rotation.apply(query.data(), rotated.data());
    coded.estimate(0, area.data(), 1, distances.data());
    const EdgeReference edge(own, code);
    statistics.add((distances[0] / -edge.f - edge.signed_sum(rotated)) / coded.sum_deviation(0));
  }
  EXPECT_NEAR(statistics.sum / statistics.count, 0, 0.1);
  EXPECT_NEAR(std::sqrt(statistics.squares / statistics.count), 1, 0.05);
}

TEST(CodedQuery, IsExactForANeighborEqualToTheNode) {
  const Rotation rotation(50);
  const Vector own = random_vector(50, 1), query = random_vector(50, 2);
  Vector rotated(rotation.padded());
  rotation.apply(own.data(), rotated.data());
  std::vector<std::byte> area(edge_code_bytes(50, 16));
  EdgeEncoder encoder(Metric::kL2, 50, 16);
  encoder.start(rotated.data(), area.data());
  encoder.add(rotated.data());
  Vector distances(16);
  CodedQuery(rotation, 16, query.data()).estimate(3.25f, area.data(), 1, distances.data());
  EXPECT_EQ(distances[0], 3.25f);
}

TEST(CodedQuery, OfAnyLengthGivesNumbers) {
  const Node node(Metric::kL2, 100, 32, 32);
  for (const float scale : {0.0f, 1e-45f, 1e-37f, 1e-20f, 1e20f, 1e37f, 3e38f}) {
    for (const int64_t target : hwy::SupportedAndGeneratedTargets()) {
      const ChosenTarget chosen(target);
      const Vector query(100, scale);
      Vector distances(32);
      CodedQuery(node.rotation, 32, query.data()).estimate(1, node.area, 32, distances.data());
      for (const float distance : distances) EXPECT_FALSE(std::isnan(distance)) << scale;
    }
  }
}

}  // namespace
}  // namespace vseg
