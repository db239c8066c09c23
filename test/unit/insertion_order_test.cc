#include "engine/graph/insertion_order.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace vseg {
namespace {

constexpr uint32_t kRows = 10000;
constexpr size_t kAmple = 1 << 20;

class Monitor : public BuildMonitor {
 public:
  void inserted(uint32_t) override {}
  bool cancelled() override { return false; }
};

// Row i lies at a random place on a line.
RowStore line() {
  std::mt19937 random(3);
  RowStore rows(Metric::kL2, 4);
  for (uint32_t i = 0; i < kRows; ++i) {
    const float row[] = {static_cast<float>(random() % 100000), 0, 0, 0};
    rows.append(row);
  }
  return rows;
}

std::vector<int> some_levels() {
  std::vector<int> levels(kRows, 1);
  for (uint32_t i = 0; i < kRows; i += 16) {
    levels[i] = i % 256 == 0 ? 3 : 2;
  }
  return levels;
}

std::vector<Ordinal> order_of(const RowStore& rows, size_t max_bytes = kAmple) {
  Monitor monitor;
  return insertion_order(rows, some_levels(), max_bytes, monitor).rows;
}

// Mean distance between rows that follow each other.
double step(const RowStore& rows, const std::vector<Ordinal>& order, size_t begin, size_t end) {
  double sum = 0;
  for (size_t i = begin + 1; i < end; ++i) {
    sum += std::abs(rows.row(order[i])[0] - rows.row(order[i - 1])[0]);
  }
  return sum / static_cast<double>(end - begin - 1);
}

TEST(InsertionOrder, HasEveryRowOnceWithLevelsDescending) {
  std::vector<Ordinal> order = order_of(line());
  std::vector<int> levels = some_levels();
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end(),
                             [&](Ordinal a, Ordinal b) { return levels[a] > levels[b]; }));
  std::sort(order.begin(), order.end());
  ASSERT_EQ(order.size(), kRows);
  for (Ordinal i = 0; i < kRows; ++i) {
    ASSERT_EQ(order[i], i);
  }
}

TEST(InsertionOrder, IsRandomAtFirstAndThenGoesFromClusterToCluster) {
  RowStore rows = line();
  std::vector<Ordinal> order = order_of(rows);
  EXPECT_GT(step(rows, order, kRows / 10, kRows / 4), 20000);
  EXPECT_LT(step(rows, order, kRows / 2, kRows), 4000);
}

TEST(InsertionOrder, IsRandomWhereMemoryIsTooScarceForClusters) {
  RowStore rows = line();
  EXPECT_GT(step(rows, order_of(rows, 1000), kRows / 2, kRows), 20000);
}

TEST(InsertionOrder, IsTheSameEveryTime) {
  RowStore rows = line();
  EXPECT_EQ(order_of(rows), order_of(rows));
}

}  // namespace
}  // namespace vseg
