// foreach_target.h includes this file again for every instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/quantizer/coded_query.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/highway.h"

#include "engine/quantizer/coded_query.h"

#include <cmath>
#include <new>
#include "engine/common/engine_only.h"

HWY_BEFORE_NAMESPACE();
namespace vseg {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

using FloatTag = hn::CappedTag<float, 16>;

constexpr size_t kRowBytes = 16;
constexpr size_t kLanes = kEdgeGroupLanes;

// A 16-bit lane sums at most 257 bytes without overflow.
constexpr size_t kRowsPerChunk = 256;
static_assert(kRowsPerChunk * 255 <= 65535, "a chunk's sums must fit 16 bits");

// The sums of table entries that the codes of `rows` rows select, added to sums[0 .. 15] for the
// low halves of the bytes and to sums[16 .. 31] for the high ones. rows is a multiple of 4, at most
// kRowsPerChunk; a table for each row.
#if HWY_TARGET == HWY_SCALAR
void scan_rows(const uint8_t* codes, const uint8_t* low_tables, const uint8_t* high_tables,
               size_t rows, uint32_t* sums) {
  for (size_t row = 0; row < rows * kRowBytes; row += kRowBytes) {
    for (size_t j = 0; j < kRowBytes; j++) {
      const size_t lane = j / 2 + j % 2 * 8;
      sums[lane] += low_tables[row + (codes[row + j] & 15)];
      sums[16 + lane] += high_tables[row + (codes[row + j] >> 4)];
    }
  }
}
#else
using ByteTag = hn::CappedTag<uint8_t, 64>;
using ShortTag = hn::Repartition<uint16_t, ByteTag>;

// Adds the sums of the vector's 128-bit blocks to eight of `sums`.
template <class V>
HWY_INLINE void add_blocks(V v, uint32_t* sums) {
  const ShortTag d;
  const hn::FixedTag<uint16_t, 8> block;
  const hn::Half<decltype(block)> half;
  const hn::FixedTag<uint32_t, 4> wide;
  HWY_ALIGN uint16_t stored[32];
  hn::Store(v, d, stored);
  auto sum = hn::Load(block, stored);
  for (size_t i = 8; i < hn::Lanes(d); i += 8) sum = hn::Add(sum, hn::Load(block, stored + i));
  const auto lower = hn::PromoteTo(wide, hn::LowerHalf(half, sum));
  const auto upper = hn::PromoteTo(wide, hn::UpperHalf(half, sum));
  hn::Store(hn::Add(hn::Load(wide, sums), lower), wide, sums);
  hn::Store(hn::Add(hn::Load(wide, sums + 4), upper), wide, sums + 4);
}

// Bytes are added as pairs, modulo 2^16: `pairs` sums even + 256 * odd, `odd` the odd ones.
template <class V>
HWY_INLINE void add_pairs(V pairs, V odd, uint32_t* sums) {
  add_blocks(hn::Sub(pairs, hn::ShiftLeft<8>(odd)), sums);
  add_blocks(odd, sums + 8);
}

HWY_INLINE void scan_rows(const uint8_t* codes, const uint8_t* low_tables,
                          const uint8_t* high_tables, size_t rows, uint32_t* sums) {
  const ByteTag d;
  const ShortTag d16;
  const auto nibble = hn::Set(d, 15);
  auto low_pairs = hn::Zero(d16), low_odd = low_pairs;
  auto high_pairs = low_pairs, high_odd = low_pairs;
  for (size_t i = 0; i < rows * kRowBytes; i += hn::Lanes(d)) {
    const auto code = hn::LoadU(d, codes + i);
    const auto low =
        hn::BitCast(d16, hn::TableLookupBytes(hn::Load(d, low_tables + i), hn::And(code, nibble)));
    const auto high = hn::BitCast(
        d16, hn::TableLookupBytes(hn::Load(d, high_tables + i), hn::ShiftRight<4>(code)));
    low_pairs = hn::Add(low_pairs, low);
    low_odd = hn::Add(low_odd, hn::ShiftRight<8>(low));
    high_pairs = hn::Add(high_pairs, high);
    high_odd = hn::Add(high_odd, hn::ShiftRight<8>(high));
  }
  add_pairs(low_pairs, low_odd, sums);
  add_pairs(high_pairs, high_odd, sums + 16);
}
#endif

// A group's sums of table entries, for each of its lanes.
HWY_INLINE void scan_group(const QueryTables& tables, const uint8_t* codes, size_t lanes,
                           uint32_t* sums) {
  const bool full = lanes == kLanes;
  const size_t rows = full ? tables.count : tables.count / 2;
  const uint8_t* low = tables.entries;
  const uint8_t* high = full ? low : low + rows * kRowBytes;
  for (size_t i = 0; i < kLanes; i++) sums[i] = 0;
  for (size_t row = 0; row < rows; row += kRowsPerChunk) {
    const size_t chunk = rows - row < kRowsPerChunk ? rows - row : kRowsPerChunk;
    const size_t at = row * kRowBytes;
    scan_rows(codes + at, low + at, high + at, chunk, sums);
  }
  if (full) return;
  for (size_t i = 0; i < 16; i++) sums[i] += sums[16 + i];
}

// Factors are at any alignment.
#if HWY_TARGET == HWY_SCALAR
hn::Vec<FloatTag> load_factors(const uint8_t* from) {
  float value;
  hwy::CopyBytes<sizeof(value)>(from, &value);
  return hn::Set(FloatTag(), value);
}
#else
HWY_INLINE hn::Vec<FloatTag> load_factors(const uint8_t* from) {
  const hn::Repartition<uint8_t, FloatTag> bytes;
  return hn::BitCast(FloatTag(), hn::LoadU(bytes, from));
}
#endif

HWY_INLINE void finish_group(const ScanArguments& a, const uint32_t* sums, const uint8_t* factors,
                             size_t lanes, float* distances) {
  const FloatTag d;
  const hn::RebindToSigned<FloatTag> di;
  const hn::RebindToUnsigned<FloatTag> du;
  const int zero_sum = QueryTables::kZero * static_cast<int>(a.tables.count);
  const auto zero = hn::Set(di, zero_sum);
  const auto step = hn::Set(d, a.tables.step), own = hn::Set(d, a.own_distance);
  const auto margin = hn::Set(d, a.margin);
  for (size_t i = 0; i < lanes; i += hn::Lanes(d)) {
    const auto sum = hn::Sub(hn::BitCast(di, hn::Load(du, sums + i)), zero);
    const auto product = hn::MulAdd(step, hn::ConvertTo(d, sum), margin);
    const auto additive = load_factors(factors + i * sizeof(float));
    const auto scaling = load_factors(factors + (lanes + i) * sizeof(float));
    hn::StoreU(hn::MulAdd(scaling, product, hn::Add(own, additive)), d, distances + i);
  }
}

void scan(const ScanArguments& a, float* distances) {
  HWY_ALIGN uint32_t sums[kLanes];
  const uint8_t* area = reinterpret_cast<const uint8_t*>(a.area);
  const uint32_t padded = static_cast<uint32_t>(4 * a.tables.count);
  for (uint32_t first = 0; first < a.neighbors; first += kEdgeGroupLanes) {
    const size_t lanes = edge_group_lanes(a.degree, first);
    const uint8_t* group = area + first * bytes_per_edge(padded);
    scan_group(a.tables, group, lanes, sums);
    finish_group(a, sums, group + lanes * padded / 8, lanes, distances + first);
  }
}

// The largest entry a table will have: of the sums of the magnitudes of four coordinates.
#if HWY_TARGET == HWY_SCALAR
float largest_entry(const float* rotated, size_t n) {
  float largest = 0;
  for (size_t i = 0; i < n; i += 4) {
    const float sum = (std::fabs(rotated[i]) + std::fabs(rotated[i + 1])) +
                      (std::fabs(rotated[i + 2]) + std::fabs(rotated[i + 3]));
    largest = sum > largest ? sum : largest;
  }
  return largest;
}
#else
HWY_INLINE float largest_entry(const float* rotated, size_t n) {
  const FloatTag d;
  auto largest = hn::Zero(d);
  for (size_t i = 0; i < n; i += hn::Lanes(d)) {
    auto sum = hn::Abs(hn::LoadU(d, rotated + i));
    sum = hn::Add(sum, hn::Shuffle2301(sum));
    largest = hn::Max(largest, hn::Add(sum, hn::Shuffle1032(sum)));
  }
  return hn::GetLane(hn::MaxOfLanes(d, largest));
}
#endif

template <class V>
HWY_INLINE void store_bytes(V v, uint8_t* to) {
#if HWY_TARGET == HWY_SCALAR
  *to = static_cast<uint8_t>(hn::GetLane(v));
#else
  const hn::Rebind<uint8_t, FloatTag> bytes;
  hn::StoreU(hn::DemoteTo(bytes, v), bytes, to);
#endif
}

// Multiplying by 1 or -1 is exact, so the entries are the same with a fused multiply-add and
// without.
HWY_INLINE void fill_tables(const float* rotated, size_t n, float steps_per_unit,
                            uint8_t* entries) {
  const FloatTag d;
  HWY_ALIGN float signs[4][QueryTables::kEntries];
  for (size_t bit = 0; bit < 4; bit++) {
    for (size_t m = 0; m < QueryTables::kEntries; m++) signs[bit][m] = (m >> bit & 1) ? 1 : -1;
  }
  const auto zero = hn::Set(d, static_cast<float>(QueryTables::kZero));
  for (size_t i = 0; i < n; i += 4, entries += QueryTables::kEntries) {
    const float q0 = rotated[i] * steps_per_unit, q1 = rotated[i + 1] * steps_per_unit;
    const float q2 = rotated[i + 2] * steps_per_unit, q3 = rotated[i + 3] * steps_per_unit;
    for (size_t m = 0; m < QueryTables::kEntries; m += hn::Lanes(d)) {
      auto sum = hn::Mul(hn::Set(d, q0), hn::Load(d, signs[0] + m));
      sum = hn::MulAdd(hn::Set(d, q1), hn::Load(d, signs[1] + m), sum);
      sum = hn::MulAdd(hn::Set(d, q2), hn::Load(d, signs[2] + m), sum);
      sum = hn::MulAdd(hn::Set(d, q3), hn::Load(d, signs[3] + m), sum);
      store_bytes(hn::NearestInt(hn::Add(sum, zero)), entries + m);
    }
  }
}

// A query too short or too long for float arithmetic gets tables of zeros. Returns the step.
float make_tables(const float* rotated, size_t n, uint8_t* entries) {
  const float largest = largest_entry(rotated, n);
  const float steps_per_unit = static_cast<float>(QueryTables::kZero) / largest;
  const bool usable = std::isfinite(largest) && std::isfinite(steps_per_unit);
  if (!usable) {
    for (size_t i = 0; i < n * 4; i++) entries[i] = QueryTables::kZero;
    return 0;
  }
  fill_tables(rotated, n, steps_per_unit, entries);
  return largest / static_cast<float>(QueryTables::kZero);
}

}  // namespace

CodedQueryKernels coded_query_kernels_of_target() { return {scan, make_tables}; }

}  // namespace HWY_NAMESPACE
}  // namespace vseg
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace vseg {

HWY_EXPORT(coded_query_kernels_of_target);

CodedQuery::CodedQuery(const Rotation& rotation, uint32_t degree, const float* query)
    : degree_(degree),
      entries_(
          hwy::AllocateAligned<uint8_t>(size_t{rotation.padded()} / 4 * QueryTables::kEntries)) {
  const std::unique_ptr<float[]> rotated(new float[rotation.padded()]);
  if (entries_ == nullptr) throw std::bad_alloc();
  rotation.apply(query, rotated.get());
  const CodedQueryKernels kernels = HWY_DYNAMIC_DISPATCH(coded_query_kernels_of_target)();
  scan_ = kernels.scan;
  const float step = kernels.make_tables(rotated.get(), rotation.padded(), entries_.get());
  tables_ = {entries_.get(), rotation.padded() / 4, step};
}

float CodedQuery::sum_deviation(float length) const {
  constexpr double kAcrossSquared = 1 - 0.6366197723675814;  // 1 - 2 / pi
  const double entries = static_cast<double>(tables_.count), padded = 4 * entries;
  const double codes = kAcrossSquared * padded / (padded - 1) * length * length;
  const double rounding = double{tables_.step} * tables_.step * entries / 12;
  return static_cast<float>(std::sqrt(codes + rounding));
}

}  // namespace vseg
#endif
