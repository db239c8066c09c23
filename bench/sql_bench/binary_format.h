// PostgreSQL's binary (network byte order) form of the two columns of a benchmark table.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace vseg_bench {

void AppendInt16(std::string* bytes, uint16_t value);
void AppendInt32(std::string* bytes, uint32_t value);
void AppendInt64(std::string* bytes, uint64_t value);
// The vector type's send format: int16 dimensions, int16 zero, float4 elements.
void AppendVector(std::string* bytes, const float* values, size_t dim);

}  // namespace vseg_bench
