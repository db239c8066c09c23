#include "nearest.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "engine/kernels/distance.h"

namespace vseg_bench {
namespace {

// Rows that stay in the CPU's second cache while all queries of a thread are compared with them.
constexpr size_t kCachedBytes = 256 * 1024;
// More rows than asked for are kept by their float distances: rounding cannot lose one of the k
// while even the farthest kept row is farther than the k-th by more than rounding.
constexpr size_t kSpareRows = 30;
// Sums of up to 16,000 floats are off by less, in proportion.
constexpr double kRounding = 1e-4;

using Candidate = std::pair<float, int32_t>;

// The nearest rows of a query so far, by float distances.
class Nearest {
 public:
  explicit Nearest(size_t count) : count_(count) {}

  float limit() const { return limit_; }
  void Add(float distance, int32_t row) {
    heap_.emplace_back(distance, row);
    std::push_heap(heap_.begin(), heap_.end());
    if (heap_.size() > count_) {
      std::pop_heap(heap_.begin(), heap_.end());
      heap_.pop_back();
    }
    if (heap_.size() == count_) {
      limit_ = heap_.front().first;
    }
  }
  const std::vector<Candidate>& candidates() const { return heap_; }

 private:
  size_t count_;
  float limit_ = std::numeric_limits<float>::infinity();
  std::vector<Candidate> heap_;  // farthest first
};

class Search {
 public:
  Search(const Matrix<float>& base, const Matrix<float>& queries, Metric metric, size_t k)
      : base_(base), queries_(queries), metric_(metric), k_(k), norms_(Norms()) {}

  // Fills the rows [begin, end) of `nearest`.
  void Run(size_t begin, size_t end, Matrix<int32_t>* nearest) const {
    std::vector<Nearest> found(end - begin, Nearest(std::min(k_ + kSpareRows, base_.rows)));
    size_t cached = std::max<size_t>(1, kCachedBytes / (base_.dim * sizeof(float)));
    for (size_t first = 0; first < base_.rows; first += cached) {
      size_t last = std::min(first + cached, base_.rows);
      for (size_t query = begin; query < end; query++) {
        Scan(query, first, last, &found[query - begin]);
      }
    }
    for (size_t query = begin; query < end; query++) {
      Finish(query, found[query - begin], nearest->Row(query));
    }
  }

 private:
  std::vector<float> Norms() const {
    std::vector<float> norms;
    if (metric_ == Metric::kCosine) {
      norms.reserve(base_.rows);
      for (size_t row = 0; row < base_.rows; row++) {
        const float* values = base_.Row(row);
        norms.push_back(std::sqrt(kernels_.inner_product(values, values, base_.dim)));
      }
    }
    return norms;
  }

  // Orders rows as the distance does. Never below 0.
  float FloatDistance(const float* query, size_t row) const {
    if (metric_ == Metric::kL2) {
      return kernels_.l2_squared(query, base_.Row(row), base_.dim);
    }
    return 1 - kernels_.inner_product(query, base_.Row(row), base_.dim) / norms_[row];
  }

  void Scan(size_t query, size_t first, size_t last, Nearest* found) const {
    std::vector<float> unit(queries_.Row(query), queries_.Row(query) + queries_.dim);
    if (metric_ == Metric::kCosine) {
      float norm = std::sqrt(kernels_.inner_product(unit.data(), unit.data(), unit.size()));
      std::for_each(unit.begin(), unit.end(), [norm](float& value) { value /= norm; });
    }
    for (size_t row = first; row < last; row++) {
      float distance = FloatDistance(unit.data(), row);
      if (distance < found->limit()) {
        found->Add(distance, static_cast<int32_t>(row));
      }
    }
  }

  using Exact = std::pair<double, int32_t>;

  Exact ExactOf(size_t query, size_t row) const {
    return {ExactDistance(metric_, queries_.Row(query), base_.Row(row), base_.dim),
            static_cast<int32_t>(row)};
  }

  // Whether a row that was not kept could be as near as `kth`, given what floats said of the
  // farthest kept row.
  bool MayHaveMissed(const Nearest& found, double kth) const {
    double float_kth = metric_ == Metric::kL2 ? kth * kth : kth;
    double slack = metric_ == Metric::kL2 ? float_kth * kRounding : kRounding;
    return found.candidates().size() < base_.rows && found.limit() <= float_kth + slack;
  }

  void Finish(size_t query, const Nearest& found, int32_t* rows) const {
    std::vector<Exact> exact;
    for (const Candidate& candidate : found.candidates()) {
      exact.push_back(ExactOf(query, static_cast<size_t>(candidate.second)));
    }
    std::sort(exact.begin(), exact.end());
    if (MayHaveMissed(found, exact[k_ - 1].first)) {
      exact.clear();
      for (size_t row = 0; row < base_.rows; row++) {
        exact.push_back(ExactOf(query, row));
      }
      std::partial_sort(exact.begin(), exact.begin() + static_cast<std::ptrdiff_t>(k_),
                        exact.end());
    }
    for (size_t rank = 0; rank < k_; rank++) {
      rows[rank] = exact[rank].second;
    }
  }

  const Matrix<float>& base_;
  const Matrix<float>& queries_;
  Metric metric_;
  size_t k_;
  const vseg::DistanceKernels& kernels_ = vseg::distance_kernels();
  std::vector<float> norms_;  // of the rows; cosine only
};

}  // namespace

Matrix<int32_t> ExactNearest(const Matrix<float>& base, const Matrix<float>& queries, Metric metric,
                             size_t k) {
  if (k == 0 || k > base.rows) {
    throw std::logic_error("so many nearest rows do not exist");
  }
  Matrix<int32_t> nearest{queries.rows, k, std::vector<int32_t>(queries.rows * k)};
  Search search(base, queries, metric, k);
  size_t threads = std::max(1U, std::thread::hardware_concurrency());
  std::vector<std::thread> pool;
  pool.reserve(threads);
  for (size_t thread = 0; thread < threads; thread++) {
    pool.emplace_back([&, thread] {
      search.Run(queries.rows * thread / threads, queries.rows * (thread + 1) / threads, &nearest);
    });
  }
  for (std::thread& thread : pool) {
    thread.join();
  }
  return nearest;
}

}  // namespace vseg_bench
