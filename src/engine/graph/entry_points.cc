#include "engine/graph/entry_points.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <random>
#include <utility>

#include "engine/format/entry_tree.h"
#include "engine/graph/kmeans.h"
#include "engine/common/worker_threads.h"
#include "engine/kernels/distance.h"
#include "engine/quantizer/edge_codes.h"

#include "engine/common/engine_only.h"

namespace vseg {
namespace {

constexpr uint32_t kSeed = 20160330;  // arbitrary, but the same in every build

// Rows for each entry point in large segments. With 64 instead of 32 a search of 960,000 clustered
// rows of 128 dimensions (bench/run scale) expands a twentieth more for the same recall, with 256 a
// fifth.
constexpr uint32_t kRowsPerPoint = 32;

// In small ones, up to so many points. They are mostly searched after a larger one, for the few
// rows they have within its bound: the nearer a walk begins, the fewer it misses when it ends soon.
constexpr uint32_t kRowsPerPointOfFew = 4;
constexpr uint32_t kManyPoints = 8192;

constexpr uint32_t kFewestPoints = 16;

// Of the rows to be parted, those that say in which direction.
constexpr uint32_t kSampledRows = 96;
constexpr uint32_t kIterations = 3;

// For inner products a whole block of points finds more than fewer: 6,000 rows of
// sql/am_recall.sql, ef 40: recall@10 0.972 from 32, 0.965 from 16; through a deep tree 0.947.
uint32_t entry_point_count(const RowStore& rows, uint32_t distinct, uint32_t degree) {
  if (!has_deep_entry_tree(rows.metric())) {
    return has_edge_codes(rows.metric()) ? degree : kFewestPoints;
  }
  const uint32_t few = std::min(distinct / kRowsPerPointOfFew, kManyPoints);
  return std::max({distinct / kRowsPerPoint, few, kFewestPoints});
}

// About `count` originals spread over the table, at most so many.
std::vector<Ordinal> sample_originals(const RowStore& rows, const Copies& copies, uint32_t count) {
  std::mt19937 random(kSeed);
  const uint32_t distinct = rows.rows() - copies.count();
  if (copies.none()) {
    return sample_rows(rows.rows(), count, &random);
  }
  const uint64_t sampled = uint64_t{count} * rows.rows() / distinct;
  std::vector<Ordinal> points = sample_rows(rows.rows(), static_cast<uint32_t>(sampled), &random);
  auto is_copy = [&](Ordinal row) { return copies.is_copy(row); };
  points.erase(std::remove_if(points.begin(), points.end(), is_copy), points.end());
  points.resize(std::min<size_t>(points.size(), count));
  // Chance may have found hardly any.
  const uint32_t fewest = std::min(count, kFewestPoints);
  for (Ordinal row = 0; points.size() < fewest; ++row) {
    if (!is_copy(row) && std::find(points.begin(), points.end(), row) == points.end()) {
      points.push_back(row);
    }
  }
  return points;
}

// Where rows are parted: the difference of the centres of two clusters.
class Direction {
 public:
  explicit Direction(const RowStore& rows)
      : rows_(rows),
        kernels_(distance_kernels()),
        row_(rows.dimensions()),
        centers_{row_, row_},
        sums_{row_, row_} {}

  // Of `count` rows. Two clusters of some of them (Lloyd's k-means from two rows far apart).
  void choose(const Ordinal* rows, size_t count) {
    const size_t sampled = std::min<size_t>(count, kSampledRows);
    auto sample = [&](size_t i) { return rows[i * count / sampled]; };
    rows_.read(sample(0), centers_[0].data());
    rows_.read(farthest(sample, sampled), centers_[1].data());
    for (uint32_t i = 0; i < kIterations; ++i) {
      move_centers(sample, sampled);
    }
    for (size_t d = 0; d < row_.size(); ++d) {
      centers_[1][d] -= centers_[0][d];
    }
  }

  // How far along it a row is; never NaN.
  float along(Ordinal row) {
    rows_.read(row, row_.data());
    const float product = kernels_.inner_product(centers_[1].data(), row_.data(), row_.size());
    return std::isnan(product) ? 0 : product;
  }

 private:
  float distance(const std::vector<float>& center) const {
    return kernels_.l2_squared(center.data(), row_.data(), row_.size());
  }

  template <typename Sample>
  Ordinal farthest(Sample sample, size_t count) {
    Ordinal row = sample(0);
    float most = 0;
    for (size_t i = 1; i < count; ++i) {
      rows_.read(sample(i), row_.data());
      const float d = distance(centers_[0]);
      if (d > most) {
        most = d;
        row = sample(i);
      }
    }
    return row;
  }

  template <typename Sample>
  void move_centers(Sample sample, size_t count) {
    size_t members[2] = {0, 0};
    for (auto& sum : sums_) {
      std::fill(sum.begin(), sum.end(), 0.0F);
    }
    for (size_t i = 0; i < count; ++i) {
      rows_.read(sample(i), row_.data());
      const int nearest = distance(centers_[1]) < distance(centers_[0]) ? 1 : 0;
      ++members[nearest];
      std::transform(row_.begin(), row_.end(), sums_[nearest].begin(), sums_[nearest].begin(),
                     std::plus<>());
    }
    for (int c = 0; c < 2 && members[0] > 0 && members[1] > 0; ++c) {
      for (size_t d = 0; d < row_.size(); ++d) {
        centers_[c][d] = sums_[c][d] / static_cast<float>(members[c]);
      }
    }
  }

  const RowStore& rows_;
  const DistanceKernels& kernels_;
  std::vector<float> row_;  // as read last
  std::vector<float> centers_[2];
  std::vector<float> sums_[2];
};

// Parts the points in halves again and again, across the direction in which they lie apart, where
// the tree parts them: every block gets points near each other, and all but the last of a level get
// as many as they hold.
class PointOrder {
 public:
  PointOrder(const RowStore& rows, uint32_t degree, BuildMonitor& monitor)
      : degree_(degree), check_(monitor), direction_(rows) {}

  void sort(std::vector<Ordinal>* points) {
    keys_.resize(points->size());
    sort(points->data(), points->size());
  }

 private:
  void sort(Ordinal* points, size_t count) {
    if (count <= degree_) {
      return;
    }
    size_t unit = degree_;  // points below a child of the block that has all of these below it
    while (unit * degree_ < count) {
      unit *= degree_;
    }
    const size_t units = count / unit + (count % unit != 0);
    const size_t half = units / 2 * unit;
    part(points, count, half);
    sort(points, half);
    sort(points + half, count - half);
  }

  void part(Ordinal* points, size_t count, size_t half) {
    check_.look();
    direction_.choose(points, count);
    for (size_t i = 0; i < count; ++i) {
      keys_[i] = {direction_.along(points[i]), points[i]};
    }
    const auto begin = keys_.begin();
    std::nth_element(begin, begin + static_cast<ptrdiff_t>(half),
                     begin + static_cast<ptrdiff_t>(count));
    std::transform(begin, begin + static_cast<ptrdiff_t>(count), points,
                   [](const auto& key) { return key.second; });
  }

  uint32_t degree_;
  CancelCheck check_;
  Direction direction_;
  std::vector<std::pair<float, Ordinal>> keys_;
};

}  // namespace

std::vector<Ordinal> choose_entry_points(const RowStore& rows, const Copies& copies,
                                         uint32_t degree, BuildMonitor& monitor) {
  const uint32_t distinct = rows.rows() - copies.count();
  const uint32_t count = std::min(distinct, entry_point_count(rows, distinct, degree));
  std::vector<Ordinal> points = sample_originals(rows, copies, count);
  PointOrder(rows, degree, monitor).sort(&points);
  return points;
}

}  // namespace vseg
