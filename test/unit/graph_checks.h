// Rows for graphs, and what must hold of every graph over them.
#ifndef VSEG_TEST_UNIT_GRAPH_CHECKS_H_
#define VSEG_TEST_UNIT_GRAPH_CHECKS_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "engine/format/segment_format.h"
#include "engine/graph/graph_builder.h"
#include "memory_graph_search.h"

namespace vseg {

using Rows = std::vector<std::vector<float>>;

class QuietMonitor : public BuildMonitor {
 public:
  void inserted(uint32_t rows) override { last = rows; }
  bool cancelled() override { return false; }
  uint32_t last = 0;
};

// Points around centres that are themselves scattered: what embeddings look like.
inline Rows clustered_rows(uint32_t count, uint32_t dimensions, uint32_t seed) {
  std::mt19937 centre_random(1);
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, 1);
  Rows centres(20, std::vector<float>(dimensions));
  for (auto& centre : centres) {
    for (float& value : centre) {
      value = normal(centre_random);
    }
  }
  Rows rows(count, std::vector<float>(dimensions));
  for (auto& row : rows) {
    const auto& centre = centres[random() % centres.size()];
    for (uint32_t d = 0; d < dimensions; ++d) {
      row[d] = centre[d] + 0.7F * normal(random);
    }
  }
  return rows;
}

inline RowStore store_of(const Rows& rows, Metric metric, bool narrowed = false) {
  RowStore store(metric, static_cast<uint32_t>(rows[0].size()));
  for (const auto& row : rows) {
    store.append(row.data());
  }
  if (narrowed) {
    store.narrow();
  }
  return store;
}

inline float engine_distance(Metric metric, const std::vector<float>& a,
                             const std::vector<float>& b) {
  const DistanceKernels& kernels = distance_kernels();
  switch (metric) {
    case Metric::kInnerProduct:
      return -kernels.inner_product(a.data(), b.data(), a.size());
    case Metric::kL1:
      return kernels.l1(a.data(), b.data(), a.size());
    default:
      return kernels.l2_squared(a.data(), b.data(), a.size());
  }
}

inline double recall_at_10(const Graph& graph, const Rows& rows, Metric metric, size_t ef) {
  Rows queries = clustered_rows(100, static_cast<uint32_t>(rows[0].size()), 99);
  MemoryGraphSearch search(graph);
  size_t right = 0;
  for (const auto& query : queries) {
    std::vector<float> exact;
    for (const auto& row : rows) {
      exact.push_back(engine_distance(metric, query, row));
    }
    std::nth_element(exact.begin(), exact.begin() + 9, exact.end());
    auto hits =
        search.search([&](Ordinal row) { return engine_distance(metric, query, rows[row]); }, ef);
    for (size_t i = 0; i < 10; ++i) {
      right += hits[i].first <= exact[9];
    }
  }
  return static_cast<double>(right) / (10.0 * static_cast<double>(queries.size()));
}

inline std::vector<bool> reachable_rows(const Graph& graph) {
  std::vector<bool> reached(graph.rows, false);
  std::vector<Ordinal> stack(graph.entry_points);
  while (!stack.empty()) {
    Ordinal row = stack.back();
    stack.pop_back();
    if (reached[row]) {
      continue;
    }
    reached[row] = true;
    stack.insert(stack.end(), graph.list(row), graph.list(row) + graph.list_size(row));
  }
  return reached;
}

// What holds for every graph.
inline void expect_sound(const Graph& graph, const RowStore& store, const GraphOptions& options) {
  ASSERT_EQ(graph.rows, store.rows());
  ASSERT_EQ(graph.degree, layer0_degree(options.m));
  ASSERT_EQ(graph.neighbors.size(), size_t{graph.rows} * graph.degree);
  ASSERT_FALSE(graph.entry_points.empty());
  std::set<Ordinal> entries(graph.entry_points.begin(), graph.entry_points.end());
  ASSERT_EQ(entries.size(), graph.entry_points.size());
  ASSERT_LT(*entries.rbegin(), graph.rows);
  for (Ordinal row = 0; row < graph.rows; ++row) {
    const Ordinal* list = graph.list(row);
    uint32_t used = graph.list_size(row);
    std::set<Ordinal> distinct(list, list + used);
    ASSERT_EQ(distinct.size(), used) << "double edge from " << row;
    ASSERT_EQ(distinct.count(row), 0U) << "edge from " << row << " to itself";
    ASSERT_TRUE(used == 0 || *distinct.rbegin() < graph.rows);
    ASSERT_TRUE(std::all_of(list + used, list + graph.degree,
                            [](Ordinal slot) { return slot == kNoOrdinal; }))
        << "gap in the list of " << row;
  }
  std::vector<bool> reached = reachable_rows(graph);
  ASSERT_EQ(std::count(reached.begin(), reached.end(), false), 0);
}

}  // namespace vseg

#endif  // VSEG_TEST_UNIT_GRAPH_CHECKS_H_
