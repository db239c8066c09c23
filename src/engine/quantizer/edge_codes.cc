// foreach_target.h includes this file again for every instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/quantizer/edge_codes.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/highway.h"

#include "engine/quantizer/edge_codes.h"

#include <cmath>
#include <cstring>
#include <limits>
#include "engine/common/engine_only.h"

HWY_BEFORE_NAMESPACE();
namespace vseg {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

using FloatTag = hn::CappedTag<float, 16>;

// Vectors of fewer than 8 lanes give part of a byte each.
template <class Mask>
HWY_INLINE void store_sign_bits(FloatTag d, Mask positive, size_t i, uint8_t* signs) {
  const size_t lanes = hn::Lanes(d);
  if (lanes >= 8) {
    hn::StoreMaskBits(d, positive, signs + i / 8);
    return;
  }
  uint8_t bits[8];
  hn::StoreMaskBits(d, positive, bits);
  const unsigned before = i % 8 == 0 ? 0u : signs[i / 8];
  signs[i / 8] = static_cast<uint8_t>(before | (unsigned{bits[0]} << (i % 8)));
}

ResidualSums encode_residual(const float* own, const float* neighbor, size_t n, uint8_t* signs) {
  const FloatTag d;
  const auto zero = hn::Zero(d);
  auto squares = zero, magnitudes = zero, signed_own = zero;
  for (size_t i = 0; i < n; i += hn::Lanes(d)) {
    const auto v = hn::LoadU(d, own + i);
    const auto r = hn::Sub(hn::LoadU(d, neighbor + i), v);
    const auto positive = hn::Ge(r, zero);
    store_sign_bits(d, positive, i, signs);
    squares = hn::MulAdd(r, r, squares);
    magnitudes = hn::Add(magnitudes, hn::Abs(r));
    signed_own = hn::Add(signed_own, hn::IfThenElse(positive, v, hn::Neg(v)));
  }
  return {hn::GetLane(hn::SumOfLanes(d, squares)), hn::GetLane(hn::SumOfLanes(d, magnitudes)),
          hn::GetLane(hn::SumOfLanes(d, signed_own))};
}

}  // namespace

ResidualKernel residual_kernel_of_target() { return encode_residual; }

}  // namespace HWY_NAMESPACE
}  // namespace vseg
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace vseg {

HWY_EXPORT(residual_kernel_of_target);

namespace {

constexpr size_t kRowBytes = 16;

unsigned nibble_of(const uint8_t* signs, size_t g) { return signs[g / 2] >> (g % 2 * 4) & 15u; }

void store_float(float value, std::byte* at) { std::memcpy(at, &value, sizeof(value)); }

}  // namespace

EdgeEncoder::EdgeEncoder(Metric metric, uint32_t dimensions, uint32_t degree)
    : metric_(metric),
      padded_(padded_dimensions(dimensions)),
      degree_(degree),
      kernel_(HWY_DYNAMIC_DISPATCH(residual_kernel_of_target)()),
      signs_(padded_ / 8) {}

void EdgeEncoder::start(const float* own, std::byte* area) {
  own_ = own;
  area_ = area;
  added_ = 0;
  for (uint32_t first = 0; first < degree_; first += kEdgeGroupLanes) {
    const uint32_t lanes = edge_group_lanes(degree_, first);
    std::byte* factors = area + first * bytes_per_edge(padded_) + size_t{lanes} * padded_ / 8;
    std::memset(area + first * bytes_per_edge(padded_), 0, lanes * bytes_per_edge(padded_));
    for (uint32_t lane = 0; lane < lanes; lane++) {
      store_float(std::numeric_limits<float>::infinity(), factors + lane * sizeof(float));
    }
  }
}

void EdgeEncoder::add(const float* neighbor) {
  const ResidualSums sums = kernel_(own_, neighbor, padded_, signs_.data());
  const uint32_t lane = added_ % kEdgeGroupLanes, first = added_ - lane;
  const uint32_t lanes = edge_group_lanes(degree_, first);
  std::byte* group = area_ + first * bytes_per_edge(padded_);
  store_signs(group, lanes, lane);
  store_factors(sums, group + size_t{lanes} * padded_ / 8 + lane * sizeof(float), lanes);
  added_++;
}

void EdgeEncoder::add_unknown() {
  const uint32_t lane = added_ % kEdgeGroupLanes, first = added_ - lane;
  const uint32_t lanes = edge_group_lanes(degree_, first);
  std::byte* group = area_ + first * bytes_per_edge(padded_);
  store_float(-std::numeric_limits<float>::infinity(),
              group + size_t{lanes} * padded_ / 8 + lane * sizeof(float));
  added_++;
}

void EdgeEncoder::store_signs(std::byte* group, uint32_t lanes, uint32_t lane) const {
  std::byte* column = group + lane % 8 * 2 + lane % 16 / 8;
  const uint8_t* signs = signs_.data();
  if (lanes == kEdgeGroupLanes) {
    const unsigned shift = lane / 16 * 4;
    for (size_t g = 0; g < padded_ / 4; g++) {
      column[g * kRowBytes] |= static_cast<std::byte>(nibble_of(signs, g) << shift);
    }
    return;
  }
  const size_t rows = padded_ / 8;
  for (size_t g = 0; g < rows; g++) {
    column[g * kRowBytes] =
        static_cast<std::byte>(nibble_of(signs, g) | nibble_of(signs, rows + g) << 4);
  }
}

// `factors` is the lane's place among the additive ones.
void EdgeEncoder::store_factors(const ResidualSums& sums, std::byte* factors,
                                uint32_t lanes) const {
  const float f = sums.magnitudes > 0 ? sums.squares / sums.magnitudes : 0;
  const bool product = metric_ == Metric::kInnerProduct;
  float additive = product ? 0 : sums.squares + 2 * f * sums.signed_own;
  float scaling = product ? -f : -2 * f;
  if (!std::isfinite(additive) || !std::isfinite(scaling)) additive = scaling = 0;
  store_float(additive, factors);
  store_float(scaling, factors + lanes * sizeof(float));
}

}  // namespace vseg
#endif
