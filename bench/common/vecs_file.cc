#include "vecs_file.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <stdexcept>

namespace vseg_bench {
namespace {

struct FileCloser {
  void operator()(FILE* file) const { fclose(file); }
};
using File = std::unique_ptr<FILE, FileCloser>;

constexpr int32_t kMaxDimension = 16000;

// False at the end of the file.
bool ReadDimension(FILE* file, const std::string& path, int32_t* dim) {
  size_t got = fread(dim, 1, sizeof(*dim), file);
  if (got == 0 && feof(file) != 0) {
    return false;
  }
  if (got != sizeof(*dim) || *dim < 1 || *dim > kMaxDimension) {
    throw std::runtime_error(path + ": not a row of an fvecs or ivecs file");
  }
  return true;
}

// No fewer than what ReadVecs will read of a file of equal rows, so that growing never copies.
size_t ValuesToRead(const std::string& path, size_t max_rows) {
  size_t in_file = std::filesystem::file_size(path) / 4;
  File file(fopen(path.c_str(), "rb"));
  int32_t dim = 0;
  if (file == nullptr || !ReadDimension(file.get(), path, &dim)) {
    return 0;
  }
  return max_rows == 0 ? in_file : std::min(in_file, max_rows * static_cast<size_t>(dim));
}

template <typename T>
Matrix<T> ReadVecs(const std::string& path, size_t max_rows) {
  static_assert(sizeof(T) == 4, "fvecs and ivecs hold four-byte values");
  File file(fopen(path.c_str(), "rb"));
  if (file == nullptr) {
    throw std::runtime_error(path + ": cannot be opened");
  }
  Matrix<T> matrix;
  int32_t dim = 0;
  matrix.values.reserve(ValuesToRead(path, max_rows));
  while ((max_rows == 0 || matrix.rows < max_rows) && ReadDimension(file.get(), path, &dim)) {
    if (matrix.rows == 0) {
      matrix.dim = static_cast<size_t>(dim);
    }
    if (static_cast<size_t>(dim) != matrix.dim) {
      throw std::runtime_error(path + ": rows differ in dimension");
    }
    matrix.values.resize((matrix.rows + 1) * matrix.dim);
    if (fread(matrix.values.data() + matrix.rows * matrix.dim, sizeof(T), matrix.dim, file.get()) !=
        matrix.dim) {
      throw std::runtime_error(path + ": ends within a row");
    }
    matrix.rows++;
  }
  if (matrix.rows == 0) {
    throw std::runtime_error(path + ": holds no rows");
  }
  return matrix;
}

template <typename T>
void WriteVecs(const std::string& path, const Matrix<T>& matrix) {
  static_assert(sizeof(T) == 4, "fvecs and ivecs hold four-byte values");
  File file(fopen(path.c_str(), "wb"));
  if (file == nullptr) {
    throw std::runtime_error(path + ": cannot be written");
  }
  auto dim = static_cast<int32_t>(matrix.dim);
  bool written = true;
  for (size_t row = 0; written && row < matrix.rows; row++) {
    written = fwrite(&dim, sizeof(dim), 1, file.get()) == 1 &&
              fwrite(matrix.Row(row), sizeof(T), matrix.dim, file.get()) == matrix.dim;
  }
  if (!written || fclose(file.release()) != 0) {
    throw std::runtime_error(path + ": could not be written whole");
  }
}

}  // namespace

Matrix<float> ReadFvecs(const std::string& path, size_t max_rows) {
  return ReadVecs<float>(path, max_rows);
}

Matrix<int32_t> ReadIvecs(const std::string& path, size_t max_rows) {
  return ReadVecs<int32_t>(path, max_rows);
}

void WriteFvecs(const std::string& path, const Matrix<float>& matrix) { WriteVecs(path, matrix); }

void WriteIvecs(const std::string& path, const Matrix<int32_t>& matrix) { WriteVecs(path, matrix); }

}  // namespace vseg_bench
