// What a run indexes and asks, and how its answers are judged.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "metric.h"
#include "vecs_file.h"

namespace vseg_bench {

struct Dataset {
  std::string name;
  Metric metric = Metric::kL2;
  Matrix<float> base;
  Matrix<float> queries;
  // Exact neighbours of the queries among the whole base; no rows when only a part of it was read
  // or there is no such file.
  Matrix<int32_t> ground_truth;
};

// Reads base.fvecs, query.fvecs and, when the whole base is read, the metric's ground truth.
// max_rows, max_queries: 0 for all.
Dataset ReadDataset(const std::string& directory, Metric metric, size_t max_rows,
                    size_t max_queries);

// The exact k smallest distances of every query among a growing prefix of the base.
class ExactAnswers {
 public:
  ExactAnswers(const Dataset& data, size_t k) : data_(data), k_(k), nearest_(data.queries.rows) {}

  // Makes the answers those for the first `rows` rows. REQUIRES: rows never falls.
  void Extend(size_t rows);
  // Distance of the k-th nearest row, of the last one where there are fewer.
  double KthDistance(size_t query) const { return nearest_[query].back(); }
  // How many rows a perfect answer has.
  size_t AnswerSize(size_t query) const { return nearest_[query].size(); }

 private:
  void ExtendQuery(size_t query, size_t rows);
  // True when the ground truth file answered.
  bool ReadGroundTruth(size_t rows);

  const Dataset& data_;
  size_t k_;
  size_t rows_ = 0;
  std::vector<std::vector<double>> nearest_;  // ascending
};

// answers[query]: row numbers a search returned. Ties count by distance: a row is right when it is
// no farther than the k-th exact one, 1e-6 relative; a row returned twice counts once.
double Recall(const Dataset& data, const ExactAnswers& exact,
              const std::vector<std::vector<int64_t>>& answers);

}  // namespace vseg_bench
