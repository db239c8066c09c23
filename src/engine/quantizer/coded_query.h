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
  float margin;  // added to every signed sum
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
    scan_({tables_, degree_, neighbors, own_distance, 0, area}, distances);
  }

  // As estimate(), but lower, by `margin` of a signed sum: with margin = e * sum_deviation() a
  // neighbour is nearer than its lower bound with probability 1 - Phi(e) at most, Phi the standard
  // normal distribution. NaN only where margin is not finite.
  void lower_bounds(float own_distance, float margin, const std::byte* area, uint32_t neighbors,
                    float* distances) const {
    scan_({tables_, degree_, neighbors, own_distance, margin, area}, distances);
  }

  // Standard deviation of a signed sum sum s_i (Px)_i from <r, x> / F, which it estimates (see
  // edge_codes.h for the symbols), given x's length: under L2 x = q - v, under the inner product
  // x = q. It is the same for every neighbour, so each distance's is |scaling| times this one.
  //
  // Write x as its part along r and the rest, of length y <= |x|, and the code s / sqrt(D) as
  // alpha r / |r| and the rest, of length sqrt(1 - alpha^2), alpha = sum |r_i| / (sqrt(D) |r|). The
  // parts along r give <r, x> / F. The rests lie in the D - 1 dimensions across r, and over random
  // rotations the cosine between them has mean 0 and variance 1 / (D - 1) (Gao & Long, SIGMOD 2024,
  // theorem 3.2 and its proof). So the variance is y^2 D (1 - alpha^2) / (D - 1), and alpha is near
  // sqrt(2 / pi), a normal deviate's mean magnitude, since r's direction is random as well.
  //
  // Rounding the tables' D / 4 entries adds step^2 / 12 each.
  float sum_deviation(float length) const;

 private:
  uint32_t degree_;
  hwy::AlignedFreeUniquePtr<uint8_t[]> entries_;
  QueryTables tables_;
  void (*scan_)(const ScanArguments& arguments, float* distances);
};

}  // namespace vseg

#endif  // VSEG_ENGINE_QUANTIZER_CODED_QUERY_H_
