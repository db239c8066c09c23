// The fvecs and ivecs formats (http://corpus-texmex.irisa.fr): every row is a little-endian int32
// dimension followed by that many float32 or int32 values; all rows have the same dimension.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace vseg_bench {

// Row-major values.
template <typename T>
struct Matrix {
  size_t rows = 0;
  size_t dim = 0;
  std::vector<T> values;

  const T* Row(size_t row) const { return values.data() + row * dim; }
  T* Row(size_t row) { return values.data() + row * dim; }
};

// Read at most max_rows rows (0: all). Throw std::runtime_error when the file is missing, empty or
// malformed.
Matrix<float> ReadFvecs(const std::string& path, size_t max_rows);
Matrix<int32_t> ReadIvecs(const std::string& path, size_t max_rows);

// Throw std::runtime_error when the file cannot be written whole.
void WriteFvecs(const std::string& path, const Matrix<float>& matrix);
void WriteIvecs(const std::string& path, const Matrix<int32_t>& matrix);

}  // namespace vseg_bench
