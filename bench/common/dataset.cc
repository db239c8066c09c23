#include "dataset.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <set>
#include <stdexcept>
#include <thread>

namespace vseg_bench {
namespace {

constexpr double kRelativeTolerance = 1e-6;
// Rounding of 1 - cos for two vectors of one direction, whose distance is 0.
constexpr double kAbsoluteTolerance = 1e-12;

void CheckGroundTruth(const Matrix<int32_t>& truth, const Dataset& data) {
  if (truth.rows < data.queries.rows) {
    throw std::runtime_error("the ground truth has fewer rows than the queries");
  }
  for (int32_t id : truth.values) {
    if (id < 0 || static_cast<size_t>(id) >= data.base.rows) {
      throw std::runtime_error("the ground truth names a row outside the base");
    }
  }
}

void CheckQueries(const Dataset& data) {
  if (data.queries.dim != data.base.dim) {
    throw std::runtime_error("queries and base differ in dimension");
  }
  for (size_t query = 0; query < data.queries.rows; query++) {
    const float* row = data.queries.Row(query);
    if (data.metric == Metric::kCosine &&
        std::isinf(ExactDistance(data.metric, row, row, data.queries.dim))) {
      throw std::runtime_error("query " + std::to_string(query) + " is a zero vector");
    }
  }
}

}  // namespace

Dataset ReadDataset(const DataSource& source) {
  namespace fs = std::filesystem;
  fs::path path = fs::canonical(source.directory);
  Dataset data;
  data.name = path.filename();
  data.metric = source.metric;
  // One row more than asked for tells whether the base was read whole.
  data.base = ReadFvecs(path / "base.fvecs", source.rows == 0 ? 0 : source.rows + 1);
  bool whole = source.rows == 0 || data.base.rows <= source.rows;
  if (!whole) {
    data.base.rows = source.rows;
    data.base.values.resize(source.rows * data.base.dim);
  }
  data.queries = ReadFvecs(path / (source.query_name + ".fvecs"), source.queries);
  CheckQueries(data);
  std::string prefix = source.query_name == "query" ? "" : source.query_name + "_";
  fs::path truth = path / (prefix + GroundTruthFile(source.metric));
  if (whole && fs::exists(truth)) {
    data.ground_truth = ReadIvecs(truth, data.queries.rows);
    CheckGroundTruth(data.ground_truth, data);
  }
  return data;
}

void ExactAnswers::Extend(size_t rows) {
  if (rows < rows_ || rows == 0 || rows > data_.base.rows) {
    throw std::logic_error("exact answers asked for an impossible number of rows");
  }
  if (rows == rows_ || ReadGroundTruth(rows)) {
    rows_ = rows;
    return;
  }
  size_t threads = std::max(1U, std::thread::hardware_concurrency());
  std::vector<std::thread> pool;
  pool.reserve(threads);
  for (size_t thread = 0; thread < threads; thread++) {
    pool.emplace_back([this, thread, threads, rows] {
      for (size_t query = thread; query < data_.queries.rows; query += threads) {
        ExtendQuery(query, rows);
      }
    });
  }
  for (std::thread& thread : pool) {
    thread.join();
  }
  rows_ = rows;
}

void ExactAnswers::ExtendQuery(size_t query, size_t rows) {
  std::vector<double>& nearest = nearest_[query];
  nearest.reserve(k_ + 1);
  for (size_t row = rows_; row < rows; row++) {
    double distance =
        ExactDistance(data_.metric, data_.queries.Row(query), data_.base.Row(row), data_.base.dim);
    if (std::isinf(distance) || (nearest.size() == k_ && distance >= nearest.back())) {
      continue;
    }
    nearest.insert(std::upper_bound(nearest.begin(), nearest.end(), distance), distance);
    if (nearest.size() > k_) {
      nearest.pop_back();
    }
  }
}

bool ExactAnswers::ReadGroundTruth(size_t rows) {
  if (rows != data_.base.rows || data_.ground_truth.rows == 0 || data_.ground_truth.dim < k_) {
    return false;
  }
  for (size_t query = 0; query < data_.queries.rows; query++) {
    std::vector<double>& nearest = nearest_[query];
    nearest.clear();
    for (size_t rank = 0; rank < k_; rank++) {
      size_t row = static_cast<size_t>(data_.ground_truth.Row(query)[rank]);
      nearest.push_back(ExactDistance(data_.metric, data_.queries.Row(query), data_.base.Row(row),
                                      data_.base.dim));
    }
    std::sort(nearest.begin(), nearest.end());
  }
  return true;
}

double Recall(const Dataset& data, const ExactAnswers& exact, size_t k,
              const std::vector<std::vector<int64_t>>& answers) {
  size_t right = 0;
  size_t wanted = 0;
  for (size_t query = 0; query < answers.size(); query++) {
    double limit = exact.KthDistance(query, k) * (1 + kRelativeTolerance) + kAbsoluteTolerance;
    std::set<int64_t> distinct(answers[query].begin(), answers[query].end());
    for (int64_t row : distinct) {
      double distance = ExactDistance(data.metric, data.queries.Row(query),
                                      data.base.Row(static_cast<size_t>(row)), data.base.dim);
      right += distance <= limit ? 1 : 0;
    }
    wanted += exact.AnswerSize(query, k);
  }
  return static_cast<double>(right) / static_cast<double>(wanted);
}

}  // namespace vseg_bench
