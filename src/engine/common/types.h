// The few words every part of the engine shares.
#ifndef VSEG_ENGINE_COMMON_TYPES_H_
#define VSEG_ENGINE_COMMON_TYPES_H_

#include <cstdint>

namespace vseg {

// Page number inside the index relation's main fork.
using BlockNo = uint32_t;
constexpr BlockNo kNoBlock = 0xFFFFFFFF;

// Number of a row inside one segment, 0 .. rows - 1.
using Ordinal = uint32_t;
constexpr Ordinal kNoOrdinal = 0xFFFFFFFF;

constexpr uint32_t kMaxDimensions = 16000;

// What an index orders by. On disk: values never change.
//
// Cosine distance never reaches a kernel: rows and queries under kCosine are scaled to unit length
// before they enter the engine, where squared L2 (= 2 * cosine distance) gives the same order.
enum class Metric : uint8_t {
  kL2 = 1,            // engine distance: squared L2
  kInnerProduct = 2,  // engine distance: negative inner product
  kCosine = 3,        // engine distance: squared L2 of unit vectors
  kL1 = 4,            // engine distance: L1
};

// A heap row's address, as PostgreSQL's ItemPointerData lays it out. On disk.
struct Tid {
  uint16_t block_high;
  uint16_t block_low;
  uint16_t offset;
};
static_assert(sizeof(Tid) == 6 && alignof(Tid) == 2, "Tid must match ItemPointerData");

inline bool operator==(const Tid& a, const Tid& b) {
  return a.block_high == b.block_high && a.block_low == b.block_low && a.offset == b.offset;
}

}  // namespace vseg

#endif  // VSEG_ENGINE_COMMON_TYPES_H_
