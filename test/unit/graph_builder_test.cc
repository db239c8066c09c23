#include "engine/graph/graph_builder.h"

#include <dirent.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cmath>
#include <fstream>
#include <new>
#include <random>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "engine/common/errors.h"
#include "engine/common/worker_threads.h"
#include "graph_checks.h"

namespace vseg {
namespace {

// Threads of this process, by id.
std::vector<std::string> process_threads() {
  std::vector<std::string> threads;
  DIR* directory = opendir("/proc/self/task");
  while (dirent* entry = readdir(directory)) {
    if (entry->d_name[0] != '.') {
      threads.emplace_back(entry->d_name);
    }
  }
  closedir(directory);
  return threads;
}

Graph build(const RowStore& store, GraphOptions options = {}) {
  QuietMonitor monitor;
  return build_graph(store, options, monitor);
}

struct RecallCase {
  Metric metric;
  bool narrowed;
  uint32_t threads;
};

class GraphRecall : public testing::TestWithParam<RecallCase> {};

INSTANTIATE_TEST_SUITE_P(
    All, GraphRecall,
    testing::Values(RecallCase{Metric::kL2, false, 1}, RecallCase{Metric::kL2, true, 2},
                    RecallCase{Metric::kL2, false, 2}, RecallCase{Metric::kInnerProduct, false, 2},
                    RecallCase{Metric::kInnerProduct, true, 1}, RecallCase{Metric::kL1, false, 2},
                    RecallCase{Metric::kL1, true, 2}));

TEST_P(GraphRecall, SearchFindsTheNearestRows) {
  Rows rows = clustered_rows(6000, 24, 3);
  RowStore store = store_of(rows, GetParam().metric, GetParam().narrowed);
  GraphOptions options;
  options.threads = GetParam().threads;
  Graph graph = build(store, options);
  expect_sound(graph, store, options);
  EXPECT_GE(recall_at_10(graph, rows, GetParam().metric, 64), 0.97);
}

TEST(GraphBuilder, OneThreadBuildsTheSameGraphEveryTime) {
  RowStore store = store_of(clustered_rows(2000, 16, 5), Metric::kL2);
  Graph first = build(store);
  Graph second = build(store);
  EXPECT_EQ(first.entry_points, second.entry_points);
  EXPECT_TRUE(std::equal(first.neighbors.begin(), first.neighbors.end(), second.neighbors.begin(),
                         second.neighbors.end()));
}

TEST(GraphBuilder, FillsTheLists) {
  RowStore store = store_of(clustered_rows(3000, 16, 5), Metric::kL2);
  Graph graph = build(store);
  size_t full = 0;
  for (Ordinal row = 0; row < graph.rows; ++row) {
    full += graph.list_size(row) == graph.degree;
  }
  EXPECT_GT(full, graph.rows * 95 / 100);
}

TEST(GraphBuilder, BuildsWithEveryM) {
  RowStore store = store_of(clustered_rows(1500, 8, 5), Metric::kL2);
  for (uint32_t m : {2U, 3U, 8U, 17U, 50U, 100U}) {
    GraphOptions options;
    options.m = m;
    options.ef_construction = m == 2 ? 4 : 40;
    options.threads = 2;
    SCOPED_TRACE(m);
    expect_sound(build(store, options), store, options);
  }
}

TEST(GraphBuilder, NoRowsMakeAnEmptyGraph) {
  RowStore store(Metric::kL2, 3);
  Graph graph = build(store);
  EXPECT_EQ(graph.rows, 0U);
  EXPECT_TRUE(graph.neighbors.empty());
  EXPECT_TRUE(graph.entry_points.empty());
}

TEST(GraphBuilder, AFewRowsAreAllReachable) {
  for (uint32_t count = 1; count <= 40; ++count) {
    RowStore store = store_of(clustered_rows(count, 3, 5), Metric::kL2);
    GraphOptions options;
    options.threads = 2;
    SCOPED_TRACE(count);
    expect_sound(build(store, options), store, options);
  }
}

TEST(GraphBuilder, EqualRowsAreAllReachable) {
  for (Metric metric : {Metric::kL2, Metric::kInnerProduct}) {
    RowStore store = store_of(Rows(5000, {1, 2, 3}), metric);
    for (uint32_t threads : {1U, 2U}) {
      GraphOptions options;
      options.m = 8;
      options.threads = threads;
      expect_sound(build(store, options), store, options);
    }
  }
}

TEST(GraphBuilder, EqualRowsAmongOthersAreAllReachable) {
  Rows rows = clustered_rows(4000, 6, 5);
  for (size_t i = 0; i < rows.size(); i += 2) {
    rows[i] = rows[i % 20];
  }
  for (uint32_t m : {2U, 16U}) {
    GraphOptions options;
    options.m = m;
    options.threads = 2;
    RowStore store = store_of(rows, Metric::kL2);
    expect_sound(build(store, options), store, options);
  }
}

TEST(GraphBuilder, FarApartClustersAreAllReachable) {
  std::mt19937 random(3);
  std::normal_distribution<float> normal(0, 1);
  Rows rows;
  for (int cluster = 0; cluster < 300; ++cluster) {
    for (int i = 0; i < 20; ++i) {
      rows.push_back({1e6F * static_cast<float>(cluster) + normal(random), normal(random)});
    }
  }
  for (uint32_t m : {2U, 16U}) {
    GraphOptions options;
    options.m = m;
    options.threads = 2;
    RowStore store = store_of(rows, Metric::kL2);
    expect_sound(build(store, options), store, options);
  }
}

TEST(GraphBuilder, HugeValuesDoNotUpsetIt) {
  Rows rows = clustered_rows(1000, 4, 5);
  for (auto& row : rows) {
    for (float& value : row) {
      value = value < 0 ? -3e38F : value * 1e37F;
    }
  }
  for (Metric metric : {Metric::kL2, Metric::kInnerProduct, Metric::kL1}) {
    for (bool narrowed : {false, true}) {
      RowStore store = store_of(rows, metric, narrowed);
      GraphOptions options;
      options.threads = 2;
      expect_sound(build(store, options), store, options);
    }
  }
}

TEST(GraphBuilder, ReportsAllRowsAtTheEnd) {
  RowStore store = store_of(clustered_rows(500, 4, 5), Metric::kL2);
  QuietMonitor monitor;
  build_graph(store, {}, monitor);
  EXPECT_EQ(monitor.last, 500U);
}

// Cancels as soon as a number of rows is in; notes when.
class CancellingMonitor : public BuildMonitor {
 public:
  explicit CancellingMonitor(uint32_t rows) : rows_(rows) {}
  void inserted(uint32_t rows) override { seen_ = rows; }
  bool cancelled() override {
    if (seen_ >= rows_ && !cancelled_) {
      cancelled_ = true;
      at = std::chrono::steady_clock::now();
    }
    return cancelled_;
  }
  std::chrono::steady_clock::time_point at;

 private:
  uint32_t rows_;
  uint32_t seen_ = 0;
  bool cancelled_ = false;
};

TEST(GraphBuilder, CancellingStopsAllThreadsSoon) {
  RowStore store = store_of(clustered_rows(20000, 32, 5), Metric::kL2);
  GraphOptions options;
  options.threads = 2;
  for (uint32_t rows : {0U, 1000U, 20000U}) {
    CancellingMonitor monitor(rows);
    EXPECT_THROW(build_graph(store, options, monitor), CancelledError);
    EXPECT_LT(std::chrono::steady_clock::now() - monitor.at, std::chrono::milliseconds(500));
    EXPECT_EQ(process_threads().size(), 1U);
  }
}

class ThrowingMonitor : public QuietMonitor {
 public:
  bool cancelled() override { throw std::logic_error("from the monitor"); }
};

TEST(GraphBuilder, AMonitorThatThrowsLeavesNoThread) {
  RowStore store = store_of(clustered_rows(5000, 32, 5), Metric::kL2);
  ThrowingMonitor monitor;
  EXPECT_THROW(build_graph(store, {}, monitor), std::logic_error);
  EXPECT_EQ(process_threads().size(), 1U);
}

// Reads the masks of all other threads, as the kernel tells them.
class MaskMonitor : public QuietMonitor {
 public:
  bool cancelled() override {
    for (const std::string& thread : process_threads()) {
      if (std::stoi(thread) != getpid()) {
        std::ifstream status("/proc/self/task/" + thread + "/status");
        for (std::string line; std::getline(status, line);) {
          if (line.rfind("SigBlk:", 0) == 0) {
            masks.insert(std::stoull(line.substr(7), nullptr, 16));
          }
        }
      }
    }
    return false;
  }
  std::set<uint64_t> masks;
};

TEST(GraphBuilder, ThreadsBlockAllSignals) {
  RowStore store = store_of(clustered_rows(20000, 32, 5), Metric::kL2);
  MaskMonitor monitor;
  build_graph(store, {}, monitor);
  ASSERT_FALSE(monitor.masks.empty());
  // All but KILL and STOP, which cannot be blocked, and the two that glibc keeps to itself.
  constexpr uint64_t kBlockable =
      ~((1ULL << (SIGKILL - 1)) | (1ULL << (SIGSTOP - 1)) | (1ULL << 31) | (1ULL << 32));
  for (uint64_t mask : monitor.masks) {
    EXPECT_EQ(mask & kBlockable, kBlockable);
  }
}

TEST(WorkerThreads, WhatAThreadThrowsReachesTheCallerAndWaitersAreFreed) {
  std::atomic<bool> open{false};
  SharedWork shared;
  shared.work = [&](RowQueue& queue) {
    uint32_t row = 0;
    queue.next(&row);
    if (row == 0) {
      throw std::bad_alloc();
    }
    while (!open) {  // as for a lock that the thread that failed held
      std::this_thread::yield();
    }
  };
  shared.unblock = [&] { open = true; };
  QuietMonitor monitor;
  EXPECT_THROW(run_threads(2, 2, monitor, shared), std::bad_alloc);
  EXPECT_EQ(process_threads().size(), 1U);
}

TEST(WorkerThreads, EveryRowIsTakenOnce) {
  std::vector<std::atomic<int>> taken(10000);
  SharedWork shared;
  shared.work = [&](RowQueue& queue) {
    for (uint32_t row; queue.next(&row);) {
      ++taken[row];
    }
  };
  QuietMonitor monitor;
  run_threads(10000, 4, monitor, shared);
  EXPECT_TRUE(std::all_of(taken.begin(), taken.end(), [](const auto& n) { return n == 1; }));
}

// maintenance_work_mem is 64 MB by default, and 60,000 digits of 784 dimensions are to fit.
TEST(GraphBuilder, SixtyThousandDigitsFitInto64Megabytes) {
  GraphOptions options;
  options.threads = 2;
  size_t row = RowStore::bytes_per_row(Metric::kL2, 784, true) + graph_bytes_per_row(options);
  EXPECT_LT(60000 * row + graph_fixed_bytes(options), 64U << 20);
}

}  // namespace
}  // namespace vseg
