#include "engine/graph/entry_points.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <set>
#include <vector>

#include "graph_checks.h"

namespace vseg {
namespace {

constexpr uint32_t kDegree = 32;

// `clusters` clusters of rows, far apart, a row's being its number modulo theirs.
RowStore far_clusters(uint32_t rows, uint32_t clusters, Metric metric) {
  std::mt19937 random(3);
  std::normal_distribution<float> normal;
  RowStore store(metric, 8);
  for (uint32_t i = 0; i < rows; i++) {
    float row[8];
    std::generate(row, row + 8, [&] { return normal(random); });
    const uint32_t cluster = i % clusters, round = cluster / 8;
    row[cluster % 8] += 1000 * static_cast<float>(1 + round);
    store.append(row);
  }
  return store;
}

std::vector<Ordinal> choose(const RowStore& rows) {
  QuietMonitor monitor;
  return choose_entry_points(rows, Copies(rows, monitor), kDegree, monitor);
}

TEST(EntryPoints, AreDifferentRows) {
  for (uint32_t rows : {1u, 15u, 16u, 17u, 500u, 3000u}) {
    const std::vector<Ordinal> points = choose(far_clusters(rows, 3, Metric::kL2));
    const std::set<Ordinal> distinct(points.begin(), points.end());
    EXPECT_EQ(distinct.size(), points.size());
    EXPECT_GE(points.size(), std::min(rows, 16u));
    EXPECT_LT(*distinct.rbegin(), rows);
  }
}

TEST(EntryPoints, OfNoRowsAreNone) { EXPECT_TRUE(choose(RowStore(Metric::kL2, 8)).empty()); }

TEST(EntryPoints, GrowWithTheRows) {
  EXPECT_GE(choose(far_clusters(8000, 3, Metric::kL2)).size(), 4 * kDegree);
}

TEST(EntryPoints, OfMetricsWithoutUseForATreeFitIntoOneBlock) {
  for (Metric metric : {Metric::kL1, Metric::kInnerProduct}) {
    EXPECT_LE(choose(far_clusters(8000, 3, metric)).size(), kDegree);
  }
}

TEST(EntryPoints, AreTheSameInEveryBuild) {
  const RowStore rows = far_clusters(5000, 7, Metric::kL2);
  EXPECT_EQ(choose(rows), choose(rows));
}

// Eight clusters, of which each has the points of several blocks: few blocks have points of two.
TEST(EntryPoints, OfABlockAreNearEachOther) {
  constexpr uint32_t kClusters = 8;
  const std::vector<Ordinal> points = choose(far_clusters(32768, kClusters, Metric::kL2));
  uint32_t blocks = 0, mixed = 0;
  for (size_t first = 0; first < points.size(); first += kDegree, blocks++) {
    std::set<uint32_t> clusters;
    for (size_t i = first; i < std::min(first + kDegree, points.size()); i++) {
      clusters.insert(points[i] % kClusters);
    }
    mixed += clusters.size() > 1 ? 1 : 0;
  }
  EXPECT_GE(blocks, 2 * kClusters);
  EXPECT_LE(mixed, kClusters);
}

}  // namespace
}  // namespace vseg
