// foreach_target.h includes this file again for every instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/quantizer/rotation.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/highway.h"

#include "engine/quantizer/rotation.h"

#include <cmath>
#include <cstring>
#include "engine/common/engine_only.h"

HWY_BEFORE_NAMESPACE();
namespace vseg {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

constexpr size_t kBaseSize = 16;  // of the transform done within registers

using FloatTag = hn::CappedTag<float, kBaseSize>;

// x[i] times scale, or -scale where bit i is set, for i from begin to end, multiples of 64.
HWY_INLINE void flip(const uint64_t* bits, size_t begin, size_t end, float scale, float* x) {
  const FloatTag d;
  const hn::RebindToUnsigned<FloatTag> du;
  const size_t lanes = hn::Lanes(d);
  HWY_ALIGN uint32_t powers[kBaseSize];
  for (size_t i = 0; i < lanes; i++) powers[i] = 1u << i;
  const auto lane_bit = hn::Load(du, powers);
  const auto plus = hn::Set(d, scale), minus = hn::Set(d, -scale);
  for (size_t i = begin; i < end; i += lanes) {
    const auto word = hn::Set(du, static_cast<uint32_t>(bits[i / 64] >> (i % 64)));
    const auto flipped = hn::RebindMask(d, hn::TestBit(word, lane_bit));
    hn::StoreU(hn::Mul(hn::LoadU(d, x + i), hn::IfThenElse(flipped, minus, plus)), d, x + i);
  }
}

// Unscaled Hadamard transforms of each 16 coordinates.
#if HWY_TARGET == HWY_SCALAR
void transform_bases(size_t size, float* x) {
  for (size_t step = 1; step < kBaseSize; step *= 2) {
    for (size_t i = 0; i < size; i++) {
      if ((i & step) != 0) continue;
      const float a = x[i], b = x[i + step];
      x[i] = a + b;
      x[i + step] = a - b;
    }
  }
}
#else
// Adds to each lane its partner in `swapped`, the negated lanes subtracted: a - b where b is.
template <class D, class V>
HWY_INLINE V butterfly(D, V v, V swapped, V negated) {
  return hn::Add(swapped, hn::Xor(v, negated));
}

HWY_INLINE void transform_bases(size_t size, float* x) {
  const hn::FixedTag<float, 4> d;
  HWY_ALIGN static constexpr float kOdd[4] = {0, -0.0f, 0, -0.0f};
  HWY_ALIGN static constexpr float kUpper[4] = {0, 0, -0.0f, -0.0f};
  const auto odd = hn::Load(d, kOdd), upper = hn::Load(d, kUpper);
  const auto within = [=](const float* from) HWY_ATTR {
    auto v = hn::LoadU(d, from);
    v = butterfly(d, v, hn::Shuffle2301(v), odd);
    return butterfly(d, v, hn::Shuffle1032(v), upper);
  };
  for (size_t i = 0; i < size; i += kBaseSize) {
    const auto v0 = within(x + i), v1 = within(x + i + 4);
    const auto v2 = within(x + i + 8), v3 = within(x + i + 12);
    const auto s0 = hn::Add(v0, v1), s1 = hn::Sub(v0, v1);
    const auto s2 = hn::Add(v2, v3), s3 = hn::Sub(v2, v3);
    hn::StoreU(hn::Add(s0, s2), d, x + i);
    hn::StoreU(hn::Add(s1, s3), d, x + i + 4);
    hn::StoreU(hn::Sub(s0, s2), d, x + i + 8);
    hn::StoreU(hn::Sub(s1, s3), d, x + i + 12);
  }
}
#endif

// The butterflies of coordinates `step` apart, for count coordinates from x and from x + step.
HWY_INLINE void butterflies(size_t count, size_t step, float* x) {
  const FloatTag d;
  for (size_t i = 0; i < count; i += hn::Lanes(d)) {
    const auto a = hn::LoadU(d, x + i), b = hn::LoadU(d, x + i + step);
    hn::StoreU(hn::Add(a, b), d, x + i);
    hn::StoreU(hn::Sub(a, b), d, x + i + step);
  }
}

// Those of step and of 2 * step in one pass, for 4 * step coordinates.
HWY_INLINE void two_levels(size_t step, float* x) {
  const FloatTag d;
  for (size_t i = 0; i < step; i += hn::Lanes(d)) {
    float* at = x + i;
    const auto v0 = hn::LoadU(d, at), v1 = hn::LoadU(d, at + step);
    const auto v2 = hn::LoadU(d, at + 2 * step), v3 = hn::LoadU(d, at + 3 * step);
    const auto s0 = hn::Add(v0, v1), s1 = hn::Sub(v0, v1);
    const auto s2 = hn::Add(v2, v3), s3 = hn::Sub(v2, v3);
    hn::StoreU(hn::Add(s0, s2), d, at);
    hn::StoreU(hn::Add(s1, s3), d, at + step);
    hn::StoreU(hn::Sub(s0, s2), d, at + 2 * step);
    hn::StoreU(hn::Sub(s1, s3), d, at + 3 * step);
  }
}

// The unscaled Hadamard transform of `size` coordinates, a power of two >= 64.
HWY_INLINE void hadamard(size_t size, float* x) {
  transform_bases(size, x);
  size_t step = kBaseSize;
  for (; 4 * step <= size; step *= 4) {
    for (size_t i = 0; i < size; i += 4 * step) two_levels(step, x + i);
  }
  if (step < size) butterflies(step, step, x);
}

void rotate(const uint64_t* flips, size_t padded, float* x) {
  size_t size = 64;
  while (2 * size <= padded) size *= 2;
  const float scale = 1 / std::sqrt(static_cast<float>(size));
  for (size_t round = 0; round < Rotation::kRounds; round++) {
    const uint64_t* bits = flips + round * padded / 64;
    const size_t begin = round % 2 == 0 ? 0 : padded - size;
    flip(bits, 0, begin, 1, x);
    flip(bits, begin, begin + size, scale, x);
    flip(bits, begin + size, padded, 1, x);
    hadamard(size, x + begin);
    if (size < padded) butterflies(padded / 2, padded / 2, x);
  }
  if (size == padded) return;
  // Each mixing of the halves left a factor of sqrt(2) behind.
  const FloatTag d;
  const auto quarter = hn::Set(d, 0.25f);
  for (size_t i = 0; i < padded; i += hn::Lanes(d)) {
    hn::StoreU(hn::Mul(hn::LoadU(d, x + i), quarter), d, x + i);
  }
}

}  // namespace

using Rotate = void (*)(const uint64_t*, size_t, float*);
Rotate rotate_of_target() { return rotate; }

}  // namespace HWY_NAMESPACE
}  // namespace vseg
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace vseg {

HWY_EXPORT(rotate_of_target);

namespace {

// SplitMix64 (Steele, Lea & Flood, "Fast splittable pseudorandom number generators", 2014): the
// n-th number of the sequence that starts from 0.
uint64_t pseudo_random(uint64_t n) {
  uint64_t z = (n + 1) * 0x9E3779B97F4A7C15;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return z ^ (z >> 31);
}

}  // namespace

Rotation::Rotation(uint32_t dimensions)
    : dimensions_(dimensions),
      padded_(padded_dimensions(dimensions)),
      flips_(size_t{kRounds} * padded_ / 64),
      kernel_(HWY_DYNAMIC_DISPATCH(rotate_of_target)()) {
  for (size_t i = 0; i < flips_.size(); i++) flips_[i] = pseudo_random(i);
}

void Rotation::apply(const float* vector, float* rotated) const {
  std::memcpy(rotated, vector, dimensions_ * sizeof(float));
  std::memset(rotated + dimensions_, 0, (padded_ - dimensions_) * sizeof(float));
  kernel_(flips_.data(), padded_, rotated);
}

}  // namespace vseg
#endif
