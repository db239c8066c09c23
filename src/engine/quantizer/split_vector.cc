// foreach_target.h includes this file again for every instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/quantizer/split_vector.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/highway.h"

#include "engine/quantizer/split_vector.h"
#include "engine/quantizer/split_vector_targets.h"

#include <algorithm>
#include <cmath>
#include "engine/common/engine_only.h"

HWY_BEFORE_NAMESPACE();
namespace vseg {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

using FloatTag = hn::CappedTag<float, 16>;
using IntTag = hn::RebindToSigned<FloatTag>;

// The middle of the numbers whose high byte is 0.
constexpr int32_t kMiddle = 1 << 15;

float join_one(const SplitScale& scale, int32_t number) {
  return scale.low + scale.unit * static_cast<float>(number);
}

HWY_INLINE void store_joined(const SplitScale& scale, hn::Vec<IntTag> numbers, float* to) {
  const FloatTag d;
  const auto value =
      hn::MulAdd(hn::Set(d, scale.unit), hn::ConvertTo(d, numbers), hn::Set(d, scale.low));
  hn::StoreU(value, d, to);
}

void join_bytes(const SplitScale& scale, const uint8_t* bytes, size_t n, float* vector) {
  size_t i = 0;
#if HWY_TARGET != HWY_SCALAR
  const IntTag di;
  const hn::Rebind<uint8_t, FloatTag> d8;
  for (; i + hn::Lanes(di) <= n; i += hn::Lanes(di)) {
    const auto high = hn::ShiftLeft<16>(hn::PromoteTo(di, hn::LoadU(d8, bytes + i)));
    store_joined(scale, hn::Or(high, hn::Set(di, kMiddle)), vector + i);
  }
#endif
  for (; i < n; i++) vector[i] = join_one(scale, bytes[i] << 16 | kMiddle);
}

void join_vector(const SplitScale& scale, const uint8_t* bytes, const uint16_t* remainders,
                 size_t n, float* vector) {
  size_t i = 0;
#if HWY_TARGET != HWY_SCALAR
  const IntTag di;
  const hn::Rebind<uint8_t, FloatTag> d8;
  const hn::Rebind<uint16_t, FloatTag> d16;
  for (; i + hn::Lanes(di) <= n; i += hn::Lanes(di)) {
    const auto high = hn::ShiftLeft<16>(hn::PromoteTo(di, hn::LoadU(d8, bytes + i)));
    const auto low = hn::PromoteTo(di, hn::LoadU(d16, remainders + i));
    store_joined(scale, hn::Or(high, low), vector + i);
  }
#endif
  for (; i < n; i++) vector[i] = join_one(scale, bytes[i] << 16 | remainders[i]);
}

}  // namespace

SplitVectorKernels split_vector_kernels_of_target() { return {join_bytes, join_vector}; }

}  // namespace HWY_NAMESPACE
}  // namespace vseg
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace vseg {

HWY_EXPORT(split_vector_kernels_of_target);

namespace {

constexpr double kLargestNumber = (1 << 24) - 1;

const SplitVectorKernels& kernels() {
  static const SplitVectorKernels kernels = HWY_DYNAMIC_DISPATCH(split_vector_kernels_of_target)();
  return kernels;
}

}  // namespace

SplitScale split_vector(const float* vector, size_t n, uint8_t* bytes, uint16_t* remainders) {
  const auto [low, high] = std::minmax_element(vector, vector + n);
  const double range = static_cast<double>(*high) - *low;
  const SplitScale scale{*low, static_cast<float>(range / kLargestNumber)};
  for (size_t i = 0; i < n; i++) {
    // From the unit as it is stored: rounding it may push the greatest coordinate one step out.
    const double steps = scale.unit > 0 ? (static_cast<double>(vector[i]) - *low) / scale.unit : 0;
    const auto number = static_cast<uint32_t>(std::lround(std::min(steps, kLargestNumber)));
    bytes[i] = static_cast<uint8_t>(number >> 16);
    remainders[i] = static_cast<uint16_t>(number);
  }
  return scale;
}

void join_bytes(const SplitScale& scale, const uint8_t* bytes, size_t n, float* vector) {
  kernels().join_bytes(scale, bytes, n, vector);
}

void join_vector(const SplitScale& scale, const uint8_t* bytes, const uint16_t* remainders,
                 size_t n, float* vector) {
  kernels().join_vector(scale, bytes, remainders, n, vector);
}

std::vector<SplitVectorKernels> split_vector_kernels_of_all_targets() {
  std::vector<SplitVectorKernels> all;
  for (const int64_t target : hwy::SupportedAndGeneratedTargets()) {
    hwy::GetChosenTarget().Update(target);
    all.push_back(HWY_DYNAMIC_DISPATCH(split_vector_kernels_of_target)());
  }
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  return all;
}

}  // namespace vseg
#endif
