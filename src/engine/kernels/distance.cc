// The distance kernels, compiled once for each instruction set: foreach_target.h includes this file
// again for every target, with HWY_NAMESPACE naming it.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/kernels/distance.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/highway.h"

#include "engine/kernels/distance.h"
#include "engine/kernels/distance_targets.h"
#include "engine/common/engine_only.h"

HWY_BEFORE_NAMESPACE();
namespace vseg {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// What inputs shorter than the widest vector are read by. One lane where there are no vectors.
template <class T>
using NarrowTag = hn::CappedTag<T, 16 / sizeof(T)>;

// Each term adds nothing where both inputs are zero: the tail relies on it.
struct SquaredDifference {
  template <class V>
  static HWY_INLINE V add(V a, V b, V sum) {
    const V difference = hn::Sub(a, b);
    return hn::MulAdd(difference, difference, sum);
  }
  static HWY_INLINE float term(float a, float b) { return (a - b) * (a - b); }
};

struct Product {
  template <class V>
  static HWY_INLINE V add(V a, V b, V sum) {
    return hn::MulAdd(a, b, sum);
  }
  static HWY_INLINE float term(float a, float b) { return a * b; }
};

struct AbsoluteDifference {
  template <class V>
  static HWY_INLINE V add(V a, V b, V sum) {
    return hn::Add(hn::Abs(hn::Sub(a, b)), sum);
  }
  static HWY_INLINE float term(float a, float b) { return a > b ? a - b : b - a; }
};

// A float at any address.
HWY_INLINE float load_float(const float* p) {
  float value;
  hwy::CopyBytes<sizeof(value)>(p, &value);
  return value;
}

// Four accumulators hide the latency of the multiply-add. A tail shorter than a vector is read by a
// vector that ends at n and overlaps what has been summed, those lanes zeroed: no byte beyond n is
// read. Inputs shorter than one vector go to narrower vectors, then one by one.
template <class Term, class D>
HWY_INLINE float sum_of_vectors(D d, const float* a, const float* b, size_t n) {
  using V = hn::Vec<D>;
  const size_t lanes = hn::Lanes(d);
  V s0 = hn::Zero(d), s1 = hn::Zero(d), s2 = hn::Zero(d), s3 = hn::Zero(d);
  const auto add = [=](size_t i, V sum) HWY_ATTR {
    return Term::add(hn::LoadU(d, a + i), hn::LoadU(d, b + i), sum);
  };
  size_t i = 0;
  for (; i + 4 * lanes <= n; i += 4 * lanes) {
    s0 = add(i, s0);
    s1 = add(i + lanes, s1);
    s2 = add(i + 2 * lanes, s2);
    s3 = add(i + 3 * lanes, s3);
  }
  const size_t left = n - i;
  if (left >= lanes) s0 = add(i, s0);
  if (left >= 2 * lanes) s1 = add(i + lanes, s1);
  if (left >= 3 * lanes) s2 = add(i + 2 * lanes, s2);
  if (left % lanes != 0) {
    const auto summed = hn::FirstN(d, lanes - left % lanes);
    s3 = Term::add(hn::IfThenZeroElse(summed, hn::LoadU(d, a + n - lanes)),
                   hn::IfThenZeroElse(summed, hn::LoadU(d, b + n - lanes)), s3);
  }
  return hn::GetLane(hn::SumOfLanes(d, hn::Add(hn::Add(s0, s1), hn::Add(s2, s3))));
}

template <class Term>
HWY_INLINE float sum_of_terms(const float* a, const float* b, size_t n) {
  const hn::ScalableTag<float> widest;
  const NarrowTag<float> narrow;
  if (n >= hn::Lanes(widest)) return sum_of_vectors<Term>(widest, a, b, n);
  if (n >= hn::Lanes(narrow)) return sum_of_vectors<Term>(narrow, a, b, n);
  float sum = 0;
  for (size_t i = 0; i < n; i++) sum += Term::term(load_float(a + i), load_float(b + i));
  return sum;
}

float l2_squared(const float* a, const float* b, size_t n) {
  return sum_of_terms<SquaredDifference>(a, b, n);
}

float inner_product(const float* a, const float* b, size_t n) {
  return sum_of_terms<Product>(a, b, n);
}

float l1(const float* a, const float* b, size_t n) {
  return sum_of_terms<AbsoluteDifference>(a, b, n);
}

#if HWY_TARGET == HWY_SCALAR
// One lane, no widening operations: the fallback for a CPU without SSSE3 leaves it to the compiler.
struct ByteSquares {
  static uint32_t term(uint8_t a, uint8_t b) { return static_cast<uint32_t>((a - b) * (a - b)); }
};

struct ByteDifferences {
  static uint32_t term(uint8_t a, uint8_t b) {
    return static_cast<uint32_t>(a > b ? a - b : b - a);
  }
};

template <class Term>
uint32_t sum_of_byte_terms(const uint8_t* a, const uint8_t* b, size_t n) {
  uint32_t sum = 0;
  for (size_t i = 0; i < n; i++) sum += Term::term(a[i], b[i]);
  return sum;
}
#else
// Sums squares in 32-bit lanes: 255^2 * 16,000 < 2^31.
struct ByteSquares {
  template <class D>
  using SumTag = hn::Repartition<int32_t, D>;

  template <class D, class V, class Sum>
  static HWY_INLINE void add(D d, V difference, Sum& even, Sum& odd) {
    const SumTag<D> d32;
    const hn::RepartitionToWide<D> du16;
    const hn::RebindToSigned<decltype(du16)> d16;
    const V zero = hn::Zero(d);
    const auto lower = hn::BitCast(d16, hn::ZipLower(du16, difference, zero));
    const auto upper = hn::BitCast(d16, hn::ZipUpper(du16, difference, zero));
    Sum even_high = hn::Zero(d32), odd_high = hn::Zero(d32);
    even = hn::Add(hn::ReorderWidenMulAccumulate(d32, lower, lower, even, even_high), even_high);
    odd = hn::Add(hn::ReorderWidenMulAccumulate(d32, upper, upper, odd, odd_high), odd_high);
  }
  static HWY_INLINE uint32_t term(uint8_t a, uint8_t b) {
    return static_cast<uint32_t>((a - b) * (a - b));
  }
};

struct ByteDifferences {
  template <class D>
  using SumTag = hn::Repartition<uint64_t, D>;

  template <class D, class V, class Sum>
  static HWY_INLINE void add(D, V difference, Sum& even, Sum&) {
    even = hn::Add(even, hn::SumsOf8(difference));
  }
  static HWY_INLINE uint32_t term(uint8_t a, uint8_t b) {
    return static_cast<uint32_t>(a > b ? a - b : b - a);
  }
};

// The tail is read as sum_of_vectors does.
template <class Term, class D>
HWY_INLINE uint32_t sum_of_byte_vectors(D d, const uint8_t* a, const uint8_t* b, size_t n) {
  using V = hn::Vec<D>;
  const typename Term::template SumTag<D> sum_tag;
  const size_t lanes = hn::Lanes(d);
  const auto difference = [=](size_t i) HWY_ATTR {
    const V va = hn::LoadU(d, a + i), vb = hn::LoadU(d, b + i);
    return hn::Or(hn::SaturatedSub(va, vb), hn::SaturatedSub(vb, va));
  };
  auto s0 = hn::Zero(sum_tag), s1 = hn::Zero(sum_tag);
  auto s2 = hn::Zero(sum_tag), s3 = hn::Zero(sum_tag);
  size_t i = 0;
  for (; i + 2 * lanes <= n; i += 2 * lanes) {
    Term::add(d, difference(i), s0, s1);
    Term::add(d, difference(i + lanes), s2, s3);
  }
  const size_t left = n - i;
  if (left >= lanes) Term::add(d, difference(i), s0, s1);
  if (left % lanes != 0) {
    const auto summed = hn::FirstN(d, lanes - left % lanes);
    Term::add(d, hn::IfThenZeroElse(summed, difference(n - lanes)), s2, s3);
  }
  const auto sum = hn::Add(hn::Add(s0, s1), hn::Add(s2, s3));
  return static_cast<uint32_t>(hn::GetLane(hn::SumOfLanes(sum_tag, sum)));
}

template <class Term>
HWY_INLINE uint32_t sum_of_byte_terms(const uint8_t* a, const uint8_t* b, size_t n) {
  const hn::ScalableTag<uint8_t> widest;
  const NarrowTag<uint8_t> narrow;
  if (n >= hn::Lanes(widest)) return sum_of_byte_vectors<Term>(widest, a, b, n);
  if (n >= hn::Lanes(narrow)) return sum_of_byte_vectors<Term>(narrow, a, b, n);
  uint32_t sum = 0;
  for (size_t i = 0; i < n; i++) sum += Term::term(a[i], b[i]);
  return sum;
}
#endif

uint32_t byte_l2_squared(const uint8_t* a, const uint8_t* b, size_t n) {
  return sum_of_byte_terms<ByteSquares>(a, b, n);
}

uint32_t byte_l1(const uint8_t* a, const uint8_t* b, size_t n) {
  return sum_of_byte_terms<ByteDifferences>(a, b, n);
}

DistanceKernels kernels_of_target() {
  return {l2_squared, inner_product, l1, byte_l2_squared, byte_l1, hwy::TargetName(HWY_TARGET)};
}

}  // namespace HWY_NAMESPACE
}  // namespace vseg
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace vseg {

HWY_EXPORT(kernels_of_target);

const DistanceKernels& distance_kernels() {
  static const DistanceKernels kernels = HWY_DYNAMIC_DISPATCH(kernels_of_target)();
  return kernels;
}

std::vector<DistanceKernels> distance_kernels_of_all_targets() {
  std::vector<DistanceKernels> all;
  for (const int64_t target : hwy::SupportedAndGeneratedTargets()) {
    hwy::GetChosenTarget().Update(target);
    all.push_back(HWY_DYNAMIC_DISPATCH(kernels_of_target)());
  }
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  return all;
}

}  // namespace vseg
#endif
