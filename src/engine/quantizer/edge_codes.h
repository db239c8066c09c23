// The code area of a node block: RaBitQ codes of the node's neighbours, one bit per coordinate,
// relative to the node's own vector.
//
// With v the node, u a neighbour, P the rotation, r = P(u - v), s_i = 1 where r_i >= 0, else -1,
// and F = |r|^2 / sum |r_i| (0 where r = 0), RaBitQ estimates <u - v, x> as F sum s_i (Px)_i
// without bias (Gao & Long, SIGMOD 2024, theorem 3.2). So
//
//   |q - u|^2 = |q - v|^2 + |r|^2 - 2 <u - v, q - v>
//             ~ |q - v|^2 + (|r|^2 + 2 F sum s_i (Pv)_i) - 2 F sum s_i (Pq)_i
//   -<q, u>   ~ -<q, v> - F sum s_i (Pq)_i
//
// that is: the query's distance to the node, exact, + additive + scaling * sum s_i (Pq)_i. The
// codes are the s_i; the two factors are stored with them. Relative to the node, as in SymphonyQG
// (Gou et al., SIGMOD 2025): a residual is short, and the error is proportional to its length.
//
// On disk. Neighbours are in groups of 32 lanes, the degree's last 16 a group of 16 where it is an
// odd multiple. A group of L lanes takes L * (padded / 8 + 8) bytes, with no space between groups:
//
//   rows of 16 bytes (padded / 4 of them where L = 32, padded / 8 where L = 16)
//   float4 additive[L]
//   float4 scaling[L]
//
// Byte j of each row belongs to lane j / 2 where j is even, 8 + j / 2 where it is odd. A nibble
// holds four codes: bit i of nibble g is set where s_(4g + i) = 1.
//   L = 32: row g has nibble g of the byte's lane in the low half, of 16 + that lane in the high.
//   L = 16: row g has nibble g in the low half, nibble padded / 8 + g in the high.
// Lanes without a neighbour have codes 0, additive infinity and scaling 0: infinitely far away.
#ifndef VSEG_ENGINE_QUANTIZER_EDGE_CODES_H_
#define VSEG_ENGINE_QUANTIZER_EDGE_CODES_H_

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/common/types.h"
#include "engine/quantizer/rotation.h"

namespace vseg {

constexpr uint32_t kEdgeGroupLanes = 32;

inline bool has_edge_codes(Metric metric) { return metric != Metric::kL1; }

// Share of one neighbour in the area; a group that starts at lane n starts at byte n times this.
inline size_t bytes_per_edge(uint32_t padded) { return padded / 8 + 2 * sizeof(float); }

// Width of the area. `degree` is a multiple of 16.
inline size_t edge_code_bytes(uint32_t dimensions, uint32_t degree) {
  return degree * bytes_per_edge(padded_dimensions(dimensions));
}

// Lanes of the group that starts at lane `first`.
inline uint32_t edge_group_lanes(uint32_t degree, uint32_t first) {
  return degree - first < kEdgeGroupLanes ? degree - first : kEdgeGroupLanes;
}

// The factors `scaling` of the lanes from `first` on, at any alignment.
inline const std::byte* edge_scalings(const std::byte* area, uint32_t padded, uint32_t degree,
                                      uint32_t first) {
  const size_t lanes = edge_group_lanes(degree, first);
  return area + first * bytes_per_edge(padded) + lanes * (padded / 8 + sizeof(float));
}

// About how long a residual is for each unit of F: sum |r_i| / |r|, which is near its mean for
// normal deviates, since the rotation is random.
inline float length_of_factor(uint32_t padded) {
  constexpr float kMeanMagnitude = 0.797884561F;  // sqrt(2 / pi)
  return kMeanMagnitude * std::sqrt(static_cast<float>(padded));
}

// What a code needs to know of the residual r to `own`.
struct ResidualSums {
  float squares;     // sum r_i^2
  float magnitudes;  // sum |r_i|
  float signed_own;  // sum s_i own_i
};

// Sets bit i % 8 of signs[i / 8] where s_i = 1 and clears it where not; n is a multiple of 64.
using ResidualKernel = ResidualSums (*)(const float* own, const float* neighbor, size_t n,
                                        uint8_t* signs);

// Fills code areas, one after the other. REQUIRES: has_edge_codes(metric).
class EdgeEncoder {
 public:
  EdgeEncoder(Metric metric, uint32_t dimensions, uint32_t degree);

  // Starts the area of a node: edge_code_bytes() at `area`, at any alignment, with no neighbours.
  // Both the node's rotated vector and the area are used until the next start.
  void start(const float* own, std::byte* area);

  // Gives the next lane, from 0 on, to the neighbour with this rotated vector; at most `degree`
  // times. A residual too long for float arithmetic gets factors 0: the node's own distance.
  void add(const float* neighbor);

  // Gives the next lane to a neighbour that codes cannot tell anything about: infinitely near.
  void add_unknown();

 private:
  void store_signs(std::byte* group, uint32_t lanes, uint32_t lane) const;
  void store_factors(const ResidualSums& sums, std::byte* factors, uint32_t lanes) const;

  Metric metric_;
  uint32_t padded_;
  uint32_t degree_;
  ResidualKernel kernel_;
  std::vector<uint8_t> signs_;  // of one neighbour
  const float* own_ = nullptr;
  std::byte* area_ = nullptr;
  uint32_t added_ = 0;
};

}  // namespace vseg

#endif  // VSEG_ENGINE_QUANTIZER_EDGE_CODES_H_
