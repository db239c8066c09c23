#include "engine/graph/insertion_order.h"

#include <algorithm>
#include <cstdint>
#include <random>
#include <utility>

#include <faiss/utils/random.h>

#include "engine/graph/kmeans.h"

#include "engine/common/engine_only.h"

namespace vseg {
namespace {

constexpr int64_t kShuffleSeed = 789;  // arbitrary, but the same in every build
constexpr uint32_t kClusterSeed = 1;   // likewise
constexpr uint32_t kRowsPerCluster = 256;
constexpr uint32_t kMinClusters = 16;  // fewer rows than these stand for fit into the cache anyhow
constexpr uint32_t kMaxClusters = 512;
constexpr uint32_t kSampledPerCluster = 8;
constexpr uint32_t kIterations = 4;

// Rows in percent that come before the clusters, in random order. Recall suffers without them.
// Where rows are there already they are spread over the data as well.
constexpr uint64_t kShuffledPercent = 30;
constexpr uint64_t kShuffledPercentOfMore = 10;

// Clusters for which sample, centroids and a block of rows with its products fit into max_bytes.
uint32_t cluster_count(const RowStore& rows, size_t max_bytes) {
  size_t vector_bytes = rows.dimensions() * sizeof(float);
  size_t block_bytes = Centroids::kBlockRows * vector_bytes;
  size_t cluster_bytes = (kSampledPerCluster + 1) * (vector_bytes + 2 * sizeof(float)) +
                         (Centroids::kBlockRows + 4) * sizeof(float);
  size_t fitting = max_bytes > block_bytes ? (max_bytes - block_bytes) / cluster_bytes : 0;
  return static_cast<uint32_t>(
      std::min<size_t>({rows.rows() / kRowsPerCluster, kMaxClusters, fitting}));
}

// Of each row, the place of its cluster in a chain of clusters near each other.
std::vector<uint16_t> cluster_places(const RowStore& rows, uint32_t clusters,
                                     BuildMonitor& monitor) {
  static_assert(kMaxClusters <= UINT16_MAX);
  std::mt19937 random(kClusterSeed);
  Matrix sample = read_rows(rows, sample_rows(rows.rows(), clusters * kSampledPerCluster, &random));
  KMeans kmeans(sample, clusters, monitor);
  kmeans.run(kIterations, &random);
  std::vector<uint32_t> chain = kmeans.centroids().chain();
  std::vector<uint16_t> place_of(clusters);
  for (uint32_t i = 0; i < clusters; ++i) {
    place_of[chain[i]] = static_cast<uint16_t>(i);
  }
  CancelCheck check(monitor);
  Matrix block(Centroids::kBlockRows, rows.dimensions());
  Centroids::Nearest nearest[Centroids::kBlockRows];
  std::vector<uint16_t> places(rows.rows());
  for (uint32_t begin = 0; begin < rows.rows(); begin += Centroids::kBlockRows) {
    check.look();
    uint32_t count = std::min(Centroids::kBlockRows, rows.rows() - begin);
    for (uint32_t i = 0; i < count; ++i) {
      rows.read(begin + i, block.row(i));
    }
    kmeans.centroids().assign(block.row(0), count, nearest);
    for (uint32_t i = 0; i < count; ++i) {
      places[begin + i] = place_of[nearest[i].centroid];
    }
  }
  return places;
}

// Stable without the memory that std::stable_sort takes: equal places are told apart by a hash.
void sort_by_place(const std::vector<uint16_t>& places, std::vector<Ordinal>::iterator begin,
                   std::vector<Ordinal>::iterator end) {
  auto key = [&](Ordinal row) { return std::pair(places[row], row * 2654435761U); };
  std::sort(begin, end, [&](Ordinal a, Ordinal b) { return key(a) < key(b); });
}

}  // namespace

InsertionOrder insertion_order(const RowStore& rows, const std::vector<int>& levels,
                               size_t max_bytes, BuildMonitor& monitor) {
  int top = *std::max_element(levels.begin(), levels.end());
  std::vector<uint32_t> starts(top + 2, 0);
  for (int count : levels) {
    ++starts[top - count + 1];
  }
  for (int i = 1; i <= top + 1; ++i) {
    starts[i] += starts[i - 1];
  }
  std::vector<Ordinal> order(levels.size());
  std::vector<uint32_t> next(starts);
  for (uint32_t i = 0; i < levels.size(); ++i) {
    order[next[top - levels[i]]++] = i;
  }
  faiss::RandomGenerator random(kShuffleSeed);
  for (int i = 0; i <= top; ++i) {
    for (uint32_t j = starts[i]; j < starts[i + 1]; ++j) {
      std::swap(order[j], order[j + random.rand_int(static_cast<int>(starts[i + 1] - j))]);
    }
  }
  const uint32_t inserted = starts[top];
  const uint32_t lowest_level = starts[top - 1];
  const uint64_t percent = inserted < order.size() ? kShuffledPercentOfMore : kShuffledPercent;
  const auto shuffled = static_cast<uint32_t>(inserted * percent / 100);
  const uint32_t skeleton = std::max(shuffled, lowest_level);
  const uint32_t clusters = cluster_count(rows, max_bytes);
  if (clusters >= kMinClusters) {
    const std::vector<uint16_t> places = cluster_places(rows, clusters, monitor);
    sort_by_place(places, order.begin() + skeleton, order.begin() + inserted);
    sort_by_place(places, order.begin() + inserted, order.end());
  }
  return {std::move(order), skeleton, inserted};
}

}  // namespace vseg
