#include "engine/graph/kmeans.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

#include <cblas.h>

#include "engine/common/engine_only.h"

namespace vseg {
namespace {

float squared_norm(const float* v, uint32_t n) {
  return cblas_sdot(static_cast<int>(n), v, 1, v, 1);
}

}  // namespace

std::vector<Ordinal> sample_rows(uint32_t rows, uint32_t count, std::mt19937* random) {
  std::vector<Ordinal> sample(count);
  for (uint32_t i = 0; i < count; ++i) {
    uint64_t begin = uint64_t{i} * rows / count;
    uint64_t end = uint64_t{i + 1} * rows / count;
    sample[i] = static_cast<Ordinal>(begin + (*random)() % (end - begin));
  }
  return sample;
}

Matrix read_rows(const RowStore& rows, const std::vector<Ordinal>& ordinals) {
  Matrix matrix(static_cast<uint32_t>(ordinals.size()), rows.dimensions());
  for (uint32_t i = 0; i < matrix.rows; ++i) {
    rows.read(ordinals[i], matrix.row(i));
  }
  return matrix;
}

Centroids::Centroids(Matrix vectors)
    : vectors_(std::move(vectors)),
      norms_(vectors_.rows),
      dots_(size_t{kBlockRows} * vectors_.rows) {
  changed();
}

void Centroids::changed() {
  for (uint32_t c = 0; c < vectors_.rows; ++c) {
    norms_[c] = squared_norm(vectors_.row(c), vectors_.columns);
  }
}

// |x - c|^2 = |x|^2 + |c|^2 - 2 <x, c>, the products of a block of rows at once.
void Centroids::assign(const float* block, uint32_t count, Nearest* nearest) {
  int columns = static_cast<int>(vectors_.columns);
  int centroids = static_cast<int>(vectors_.rows);
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, static_cast<int>(count), centroids, columns,
              1.0F, block, columns, vectors_.row(0), columns, 0.0F, dots_.data(), centroids);
  for (uint32_t i = 0; i < count; ++i) {
    nearest[i] =
        nearest_to(block + size_t{i} * vectors_.columns, dots_.data() + size_t{i} * vectors_.rows);
  }
}

Centroids::Nearest Centroids::nearest_to(const float* vector, const float* dots) const {
  Nearest nearest;
  nearest.distance = std::numeric_limits<float>::infinity();
  for (uint32_t c = 0; c < vectors_.rows; ++c) {
    float distance = norms_[c] - 2 * dots[c];
    if (distance < nearest.distance) {
      nearest = {c, distance};
    }
  }
  nearest.distance += squared_norm(vector, vectors_.columns);
  return nearest;
}

std::vector<uint32_t> Centroids::chain() {
  std::vector<uint32_t> order(vectors_.rows);
  std::iota(order.begin(), order.end(), 0);
  int columns = static_cast<int>(vectors_.columns);
  for (uint32_t i = 1; i < vectors_.rows; ++i) {
    cblas_sgemv(CblasRowMajor, CblasNoTrans, static_cast<int>(vectors_.rows), columns, 1.0F,
                vectors_.row(0), columns, vectors_.row(order[i - 1]), 1, 0.0F, dots_.data(), 1);
    auto nearest = std::min_element(order.begin() + i, order.end(), [&](uint32_t a, uint32_t b) {
      return norms_[a] - 2 * dots_[a] < norms_[b] - 2 * dots_[b];
    });
    std::iter_swap(order.begin() + i, nearest);
  }
  return order;
}

KMeans::KMeans(const Matrix& sample, uint32_t centroids, BuildMonitor& monitor)
    : sample_(sample),
      check_(monitor),
      centroids_(Matrix(centroids, sample.columns)),
      nearest_(sample.rows) {}

void KMeans::run(uint32_t iterations, std::mt19937* random) {
  start(random);
  assign();
  for (uint32_t i = 0; i < iterations; ++i) {
    move_centroids();
    assign();
  }
}

void KMeans::start(std::mt19937* random) {
  std::vector<uint32_t> order(sample_.rows);
  std::iota(order.begin(), order.end(), 0);
  Matrix& vectors = centroids_.vectors();
  for (uint32_t c = 0; c < vectors.rows; ++c) {
    std::swap(order[c], order[c + (*random)() % (sample_.rows - c)]);
    std::copy_n(sample_.row(order[c]), sample_.columns, vectors.row(c));
  }
  centroids_.changed();
}

void KMeans::assign() {
  for (uint32_t begin = 0; begin < sample_.rows; begin += Centroids::kBlockRows) {
    check_.look();
    uint32_t count = std::min(Centroids::kBlockRows, sample_.rows - begin);
    centroids_.assign(sample_.row(begin), count, nearest_.data() + begin);
  }
}

// To the mean of its rows; a centroid without rows stays where it is.
void KMeans::move_centroids() {
  Matrix& vectors = centroids_.vectors();
  std::vector<uint32_t> counts(vectors.rows);
  for (const Centroids::Nearest& nearest : nearest_) {
    ++counts[nearest.centroid];
  }
  for (uint32_t c = 0; c < vectors.rows; ++c) {
    if (counts[c] != 0) {
      std::fill_n(vectors.row(c), vectors.columns, 0.0F);
    }
  }
  for (uint32_t i = 0; i < sample_.rows; ++i) {
    uint32_t c = nearest_[i].centroid;
    cblas_saxpy(static_cast<int>(sample_.columns), 1.0F / static_cast<float>(counts[c]),
                sample_.row(i), 1, vectors.row(c), 1);
  }
  centroids_.changed();
}

}  // namespace vseg
