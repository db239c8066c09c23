// Makes the codes of an append chain's groups (engine/format/append_format.h).
#ifndef VSEG_ENGINE_APPEND_APPEND_ENCODER_H_
#define VSEG_ENGINE_APPEND_APPEND_ENCODER_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/kernels/distance.h"
#include "engine/quantizer/edge_codes.h"
#include "engine/quantizer/rotation.h"

namespace vseg {

// Allocates in its constructor only, and throws nowhere else: appenders use it beneath PostgreSQL's
// errors. REQUIRES: has_edge_codes(metric).
class AppendEncoder {
 public:
  AppendEncoder(Metric metric, uint32_t dimensions);

  // The chain's centroid, float[dimensions]: filled in from its pages, or the mean of the rows
  // given to add_to_mean() since start_mean(), kAppendGroupRows of them.
  float* centroid() { return centroid_.data(); }
  void start_mean();
  void add_to_mean(const float* row);

  // Starts the codes of a group, AppendLayout::group_bytes at `area`; its rows follow in order.
  void start_group(std::byte* area);
  void add(const float* row);

 private:
  FloatKernel inner_product_;
  Rotation rotation_;
  EdgeEncoder encoder_;
  std::vector<float> centroid_;
  std::vector<float> residual_;
  std::vector<float> rotated_;
  std::vector<float> origin_;
};

}  // namespace vseg

#endif  // VSEG_ENGINE_APPEND_APPEND_ENCODER_H_
