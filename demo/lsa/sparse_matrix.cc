#include "demo/lsa/sparse_matrix.h"

#include <algorithm>
#include <thread>

namespace vseg::demo {

SparseMatrix::SparseMatrix(const std::vector<SparseRow>& rows, size_t columns) : columns_(columns) {
  row_start_.push_back(0);
  for (const SparseRow& row : rows) {
    entries_.insert(entries_.end(), row.begin(), row.end());
    row_start_.push_back(entries_.size());
  }
}

SparseMatrix SparseMatrix::transposed() const {
  SparseMatrix result(rows());
  result.row_start_.assign(columns_ + 1, 0);
  result.entries_.resize(entries_.size());
  for (const SparseEntry& entry : entries_) ++result.row_start_[entry.column + 1];
  for (size_t i = 0; i < columns_; ++i) result.row_start_[i + 1] += result.row_start_[i];
  std::vector<size_t> next = result.row_start_;
  for (size_t row = 0; row < rows(); ++row) {
    for (size_t e = row_start_[row]; e < row_start_[row + 1]; ++e) {
      result.entries_[next[entries_[e].column]++] = {static_cast<int>(row), entries_[e].value};
    }
  }
  return result;
}

void SparseMatrix::multiply_rows(size_t first, size_t last, const DenseMatrix& dense,
                                 DenseMatrix* product) const {
  for (size_t row = first; row < last; ++row) {
    float* sum = product->row(row);
    for (size_t e = row_start_[row]; e < row_start_[row + 1]; ++e) {
      const float value = entries_[e].value;
      const float* factor = dense.row(entries_[e].column);
      for (size_t j = 0; j < dense.columns; ++j) sum[j] += value * factor[j];
    }
  }
}

DenseMatrix SparseMatrix::times(const DenseMatrix& dense) const {
  DenseMatrix product(rows(), dense.columns);
  const size_t threads = std::max(1U, std::thread::hardware_concurrency());
  std::vector<std::thread> workers;
  size_t first = 0;
  for (size_t t = 1; t <= threads; ++t) {
    // Cut where each thread has an equal share of the entries, not of the rows.
    const auto cut =
        std::lower_bound(row_start_.begin(), row_start_.end(), entries_.size() * t / threads);
    const size_t last = t == threads ? rows() : static_cast<size_t>(cut - row_start_.begin());
    workers.emplace_back(
        [this, first, last, &dense, &product] { multiply_rows(first, last, dense, &product); });
    first = last;
  }
  for (std::thread& worker : workers) worker.join();
  return product;
}

}  // namespace vseg::demo
