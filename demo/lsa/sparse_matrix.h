// Sparse matrices in compressed rows (CSR) and their products with dense blocks.
#ifndef VSEG_DEMO_LSA_SPARSE_MATRIX_H_
#define VSEG_DEMO_LSA_SPARSE_MATRIX_H_

#include <cstddef>
#include <vector>

namespace vseg::demo {

struct SparseEntry {
  int column;
  float value;
};

using SparseRow = std::vector<SparseEntry>;

// A dense row-major matrix.
struct DenseMatrix {
  DenseMatrix(size_t row_count, size_t column_count)
      : rows(row_count), columns(column_count), values(row_count * column_count) {}
  float* row(size_t i) { return values.data() + i * columns; }
  const float* row(size_t i) const { return values.data() + i * columns; }

  size_t rows;
  size_t columns;
  std::vector<float> values;
};

class SparseMatrix {
 public:
  SparseMatrix(const std::vector<SparseRow>& rows, size_t columns);

  size_t rows() const { return row_start_.size() - 1; }
  size_t columns() const { return columns_; }
  size_t entries() const { return entries_.size(); }

  SparseMatrix transposed() const;

  // This matrix times a dense one of columns() rows; the rows of the result are shared among the
  // processor's cores.
  DenseMatrix times(const DenseMatrix& dense) const;

 private:
  explicit SparseMatrix(size_t columns) : columns_(columns) {}
  void multiply_rows(size_t first, size_t last, const DenseMatrix& dense,
                     DenseMatrix* product) const;

  size_t columns_;
  std::vector<size_t> row_start_;  // row i is entries_[row_start_[i] .. row_start_[i + 1])
  std::vector<SparseEntry> entries_;
};

}  // namespace vseg::demo

#endif  // VSEG_DEMO_LSA_SPARSE_MATRIX_H_
