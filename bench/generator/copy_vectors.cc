#include "copy_vectors.h"

#include <cstdint>
#include <cstring>
#include <fstream>
#include <stdexcept>
#include <string>

namespace vseg_bench {
namespace {

constexpr size_t kSignatureBytes = 11;
constexpr uint16_t kNoMoreRows = 0xFFFF;

// Reads numbers in network byte order; an exception at the end of the file.
class CopyReader {
 public:
  explicit CopyReader(const std::string& path) : path_(path), file_(path, std::ios::binary) {
    if (!file_) {
      throw std::runtime_error(path + ": cannot be opened");
    }
    if (Bytes(kSignatureBytes) != std::string("PGCOPY\n\377\r\n\0", kSignatureBytes)) {
      throw std::runtime_error(path + ": not a file in PostgreSQL's binary COPY format");
    }
    Number(4);  // flags
    Bytes(Number(4));
  }

  uint32_t Number(int bytes) {
    uint32_t number = 0;
    for (int i = 0; i < bytes; i++) {
      number = number << 8 | static_cast<uint8_t>(file_.get());
    }
    Check();
    return number;
  }

  std::string Bytes(size_t count) {
    std::string bytes(count, '\0');
    file_.read(bytes.data(), static_cast<std::streamsize>(count));
    Check();
    return bytes;
  }

  void Check() const {
    if (!file_) {
      throw std::runtime_error(path_ + ": ends early");
    }
  }

 private:
  std::string path_;
  std::ifstream file_;
};

// The type's send format: int16 dimensions, int16 zero, float4 elements.
void ReadVector(CopyReader* reader, Matrix<float>* vectors) {
  uint32_t bytes = reader->Number(4);
  size_t dim = reader->Number(2);
  reader->Number(2);
  if (bytes != 4 + 4 * dim || (vectors->rows > 0 && dim != vectors->dim)) {
    throw std::runtime_error("the last column is not a vector, or vectors differ in dimension");
  }
  vectors->dim = dim;
  vectors->rows++;
  for (size_t i = 0; i < dim; i++) {
    uint32_t bits = reader->Number(4);
    float value;
    std::memcpy(&value, &bits, sizeof(value));
    vectors->values.push_back(value);
  }
}

}  // namespace

Matrix<float> ReadCopiedVectors(const std::string& path) {
  CopyReader reader(path);
  Matrix<float> vectors;
  for (uint32_t columns = reader.Number(2); columns != kNoMoreRows; columns = reader.Number(2)) {
    for (uint32_t column = 1; column < columns; column++) {
      reader.Bytes(reader.Number(4));
    }
    ReadVector(&reader, &vectors);
  }
  if (vectors.rows == 0) {
    throw std::runtime_error(path + ": holds no rows");
  }
  return vectors;
}

}  // namespace vseg_bench
