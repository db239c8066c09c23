#include "engine/graph/entry_points.h"

#include <algorithm>
#include <random>

#include "engine/graph/kmeans.h"

#include "engine/common/engine_only.h"

namespace vseg {
namespace {

constexpr uint32_t kSeed = 20160330;  // arbitrary, but the same in every build
// Rows compared with a query by a search of ef 40, lists not filled yet: GloVe 390,000 x 50 with 1,
// 16, 64 and 256 entry points 761, 714, 754 and 909 (recall@10 0.928 to 0.932), MNIST 60,000 x 784
// with 1, 16 and 64 539, 484 and 505 (0.991 to 0.992). Down FAISS's upper layers to a single entry
// point it is 740 and 506.
constexpr uint32_t kEntryPoints = 16;
constexpr uint32_t kIterations = 8;
constexpr uint32_t kRowsPerCentroid = 16;
constexpr size_t kFreedBytesPerRow = 20;  // FAISS's levels, offsets and locks, order of insertion

struct SampleShape {
  uint32_t centroids;
  uint32_t rows;
};

uint32_t entry_point_count(uint32_t rows) { return std::min(rows, kEntryPoints); }

SampleShape sample_shape(uint32_t rows, uint32_t dimensions) {
  size_t budget = std::max(kEntryPointBytes, rows * kFreedBytesPerRow);
  size_t vector_bytes = (dimensions + 4) * sizeof(float);
  size_t vectors = std::max<size_t>(budget / vector_bytes, 2);
  SampleShape shape{};
  shape.centroids = static_cast<uint32_t>(
      std::min<size_t>(entry_point_count(rows), std::max<size_t>(vectors / 5, 1)));
  size_t wanted = size_t{shape.centroids} * kRowsPerCentroid;
  shape.rows = static_cast<uint32_t>(std::min({wanted, vectors - shape.centroids, size_t{rows}}));
  return shape;
}

}  // namespace

std::vector<Ordinal> choose_entry_points(const RowStore& rows, BuildMonitor& monitor) {
  if (rows.rows() == 0) {
    return {};
  }
  std::mt19937 random(kSeed);
  SampleShape shape = sample_shape(rows.rows(), rows.dimensions());
  std::vector<Ordinal> ordinals = sample_rows(rows.rows(), shape.rows, &random);
  Matrix sample = read_rows(rows, ordinals);
  KMeans kmeans(sample, std::min(shape.centroids, shape.rows), monitor);
  kmeans.run(kIterations, &random);
  std::vector<Ordinal> entry_points;
  for (uint32_t i : kmeans.medoids()) {
    entry_points.push_back(ordinals[i]);
  }
  std::sort(entry_points.begin(), entry_points.end());
  return entry_points;
}

}  // namespace vseg
