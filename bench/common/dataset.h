// What a run indexes and asks, and how its answers are judged.
#pragma once

#include <algorithm>
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

struct DataSource {
  std::string directory;
  Metric metric = Metric::kL2;
  size_t rows = 0;     // 0: all
  size_t queries = 0;  // 0: all
  // NAME of the queries' file, NAME.fvecs; any other than "query" names the ground truth too:
  // ood.fvecs has its in ood_gt_l2.ivecs.
  std::string query_name = "query";
};

// Reads base.fvecs, the queries and, when the whole base is read, the metric's ground truth.
Dataset ReadDataset(const DataSource& source);

// The exact smallest distances of every query among a growing prefix of the base.
class ExactAnswers {
 public:
  // largest_k: as many of them.
  ExactAnswers(const Dataset& data, size_t largest_k)
      : data_(data), k_(largest_k), nearest_(data.queries.rows) {}

  // Makes the answers those for the first `rows` rows. REQUIRES: rows never falls.
  void Extend(size_t rows);
  // Distance of the k-th nearest row, of the last one where there are fewer. REQUIRES: k is from 1
  // to largest_k.
  double KthDistance(size_t query, size_t k) const {
    return nearest_[query][AnswerSize(query, k) - 1];
  }
  // How many rows a perfect answer of k rows has.
  size_t AnswerSize(size_t query, size_t k) const { return std::min(k, nearest_[query].size()); }

 private:
  void ExtendQuery(size_t query, size_t rows);
  // True when the ground truth file answered.
  bool ReadGroundTruth(size_t rows);

  const Dataset& data_;
  size_t k_;
  size_t rows_ = 0;
  std::vector<std::vector<double>> nearest_;  // ascending
};

// answers[query]: row numbers a search for k rows returned. Ties count by distance: a row is right
// when it is no farther than the k-th exact one, 1e-6 relative; a row returned twice counts once.
double Recall(const Dataset& data, const ExactAnswers& exact, size_t k,
              const std::vector<std::vector<int64_t>>& answers);

}  // namespace vseg_bench
