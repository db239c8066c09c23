// A query as RaBitQ codes are compared with it: FastScan (Andre, Kermarrec & Le Scouarnec, "Cache
// locality is not enough", VLDB 2015), which reads tables of 16 bytes from registers.
#ifndef VSEG_ENGINE_QUANTIZER_CODED_QUERY_H_
#define VSEG_ENGINE_QUANTIZER_CODED_QUERY_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "hwy/aligned_allocator.h"

#include "engine/quantizer/edge_codes.h"
#include "engine/quantizer/rotation.h"

namespace vseg {

// The rotated query as a table for each four coordinates: entry m is the sum of the four, each
// taken negative where its bit of m is not set, in steps of `step`, rounded to nearest, + kZero.
// Opposite entries are opposite numbers, so rounding adds no bias to an estimate.
struct QueryTables {
  static constexpr int kZero = 127;
  static constexpr size_t kEntries = 16;

  const uint8_t* entries;  // count x kEntries, aligned to 64 bytes
  size_t count;            // padded / 4
  float step;
};

struct ScanArguments {
  QueryTables tables;
  uint32_t degree;
  uint32_t neighbors;
  float own_distance;
  const std::byte* area;
};

// Those of one instruction set.
struct CodedQueryKernels {
  void (*scan)(const ScanArguments& arguments, float* distances);
  // From n rotated coordinates, n a multiple of 64, to 4 * n bytes; returns the step.
  float (*make_tables)(const float* rotated, size_t n, uint8_t* entries);
};

// The metric is in the codes' factors and in the own distances: the query is the same for all.
class CodedQuery {
 public:
  // `degree` is that of the code areas.
  CodedQuery(const Rotation& rotation, uint32_t degree, const float* query);

  // Estimates the engine distances of a node's first `neighbors` neighbours from its code area (at
  // any alignment) and its own distance, which is exact. `distances` has room for `degree` floats;
  // those behind the first `neighbors` are undefined. An estimate is not NaN unless own_distance
  // is, whatever the query; it may be below zero. Thread-safe; allocates nothing.
  void estimate(float own_distance, const std::byte* area, uint32_t neighbors,
                float* distances) const {
    scan_({tables_, degree_, neighbors, own_distance, area}, distances);
  }

 private:
  uint32_t degree_;
  hwy::AlignedFreeUniquePtr<uint8_t[]> entries_;
  QueryTables tables_;
  void (*scan_)(const ScanArguments& arguments, float* distances);
};

}  // namespace vseg

#endif  // VSEG_ENGINE_QUANTIZER_CODED_QUERY_H_
