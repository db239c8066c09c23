// Lloyd's k-means on a sample that is held as a dense matrix.
#ifndef VSEG_ENGINE_GRAPH_KMEANS_H_
#define VSEG_ENGINE_GRAPH_KMEANS_H_

#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include "engine/common/types.h"
#include "engine/common/build_monitor.h"
#include "engine/graph/row_store.h"
#include "engine/common/worker_threads.h"

namespace vseg {

// Vectors as rows of a dense matrix.
struct Matrix {
  Matrix(uint32_t row_count, uint32_t dimensions)
      : rows(row_count), columns(dimensions), values(size_t{row_count} * dimensions) {}

  float* row(uint32_t i) { return values.data() + size_t{i} * columns; }
  const float* row(uint32_t i) const { return values.data() + size_t{i} * columns; }

  uint32_t rows;
  uint32_t columns;
  std::vector<float> values;
};

// One row out of each of `count` equal stretches of the table. REQUIRES: count <= rows.
std::vector<Ordinal> sample_rows(uint32_t rows, uint32_t count, std::mt19937* random);

Matrix read_rows(const RowStore& rows, const std::vector<Ordinal>& ordinals);

// The nearest of some centroids to each vector. Clusters are those of squared L2 for every metric:
// what counts is that near rows come together.
class Centroids {
 public:
  static constexpr uint32_t kBlockRows = 64;  // whose distances to all centroids are held at a time

  struct Nearest {
    uint32_t centroid = 0;
    float distance = 0;  // squared
  };

  explicit Centroids(Matrix vectors);

  uint32_t count() const { return vectors_.rows; }
  Matrix& vectors() { return vectors_; }
  void changed();  // to be called after vectors have been

  // Of `count` <= kBlockRows vectors that follow each other.
  void assign(const float* block, uint32_t count, Nearest* nearest);

  // The centroids, each followed by the nearest of those still left; the first is number 0.
  std::vector<uint32_t> chain();

 private:
  Nearest nearest_to(const float* vector, const float* dots) const;

  Matrix vectors_;
  std::vector<float> norms_;  // squared
  std::vector<float> dots_;   // of a block of vectors with all centroids
};

class KMeans {
 public:
  // REQUIRES: 1 <= centroids <= sample.rows
  KMeans(const Matrix& sample, uint32_t centroids, BuildMonitor& monitor);

  void run(uint32_t iterations, std::mt19937* random);

  Centroids& centroids() { return centroids_; }

 private:
  void start(std::mt19937* random);
  void assign();
  void move_centroids();

  const Matrix& sample_;
  CancelCheck check_;
  Centroids centroids_;
  std::vector<Centroids::Nearest> nearest_;
};

}  // namespace vseg

#endif  // VSEG_ENGINE_GRAPH_KMEANS_H_
