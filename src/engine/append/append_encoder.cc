#include "engine/append/append_encoder.h"

#include <algorithm>
#include <limits>

#include "engine/format/append_format.h"

#include "engine/common/engine_only.h"

namespace vseg {

AppendEncoder::AppendEncoder(Metric metric, uint32_t dimensions)
    : inner_product_(distance_kernels().inner_product),
      rotation_(dimensions),
      encoder_(metric, dimensions, kAppendGroupRows),
      centroid_(dimensions),
      residual_(dimensions),
      rotated_(rotation_.padded()),
      origin_(rotation_.padded()) {}

void AppendEncoder::start_mean() { std::fill(centroid_.begin(), centroid_.end(), 0.0f); }

// Divided before they are added, huge elements do not overflow.
void AppendEncoder::add_to_mean(const float* row) {
  constexpr float kShare = 1.0f / kAppendGroupRows;
  for (size_t i = 0; i < centroid_.size(); i++) {
    centroid_[i] += row[i] * kShare;
  }
}

void AppendEncoder::start_group(std::byte* area) { encoder_.start(origin_.data(), area); }

// The rotation keeps lengths only nearly: a residual whose squares almost overflow is left out too.
void AppendEncoder::add(const float* row) {
  constexpr float kMostSquares = std::numeric_limits<float>::max() / 4;
  for (size_t i = 0; i < residual_.size(); i++) {
    residual_[i] = row[i] - centroid_[i];
  }
  if (!(inner_product_(residual_.data(), residual_.data(), residual_.size()) <= kMostSquares)) {
    encoder_.add_unknown();
    return;
  }
  rotation_.apply(residual_.data(), rotated_.data());
  encoder_.add(rotated_.data());
}

}  // namespace vseg
