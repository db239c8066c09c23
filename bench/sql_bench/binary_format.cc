#include "binary_format.h"

#include <cstring>

namespace vseg_bench {

void AppendInt16(std::string* bytes, uint16_t value) {
  bytes->push_back(static_cast<char>(value >> 8));
  bytes->push_back(static_cast<char>(value));
}

void AppendInt32(std::string* bytes, uint32_t value) {
  AppendInt16(bytes, static_cast<uint16_t>(value >> 16));
  AppendInt16(bytes, static_cast<uint16_t>(value));
}

void AppendInt64(std::string* bytes, uint64_t value) {
  AppendInt32(bytes, static_cast<uint32_t>(value >> 32));
  AppendInt32(bytes, static_cast<uint32_t>(value));
}

void AppendVector(std::string* bytes, const float* values, size_t dim) {
  AppendInt16(bytes, static_cast<uint16_t>(dim));
  AppendInt16(bytes, 0);
  for (size_t i = 0; i < dim; i++) {
    uint32_t bits;
    memcpy(&bits, &values[i], sizeof(bits));
    AppendInt32(bytes, bits);
  }
}

}  // namespace vseg_bench
