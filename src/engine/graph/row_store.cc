#include "engine/graph/row_store.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "engine/common/engine_only.h"

namespace vseg {
namespace {

// Of floats; a quarter of it is what narrowing needs on top of the rows. Small, because a build may
// be given as little as a megabyte.
constexpr size_t kChunkBytes = 256 * 1024;
constexpr float kByteMax = 255;

constexpr uint32_t kJudgedRows = 32;
constexpr double kNegligible = 0.01;

uint32_t rows_shift(uint32_t dimensions) {
  size_t rows = kChunkBytes / (dimensions * sizeof(float));
  uint32_t shift = 0;
  while ((size_t{2} << shift) <= rows) {
    ++shift;
  }
  return shift;
}

}  // namespace

RowStore::RowStore(Metric metric, uint32_t dimensions)
    : metric_(metric),
      dimensions_(dimensions),
      chunk_shift_(rows_shift(dimensions)),
      chunk_mask_((uint32_t{1} << chunk_shift_) - 1),
      row_bytes_(dimensions * sizeof(float)),
      kernels_(distance_kernels()) {
  assert(dimensions >= 1 && dimensions <= kMaxDimensions);
}

void RowStore::add_chunk() {
  // Not std::make_unique, which would clear what is overwritten anyway.
  Chunk chunk(new uint8_t[row_bytes_ << chunk_shift_]);
  chunks_.push_back(std::move(chunk));
}

void RowStore::append(const float* row) {
  if (rows_ >> chunk_shift_ == chunks_.size()) {
    add_chunk();
  }
  uint8_t* out = address(rows_);
  if (narrowed_) {
    narrow_row(row, out);
  } else {
    std::memcpy(out, row, row_bytes_);
  }
  ++rows_;
}

// Stored behind a narrowed row's bytes, where nothing aligns it.
float RowStore::squared_norm(const uint8_t* bytes) const {
  float norm;
  std::memcpy(&norm, bytes + dimensions_, sizeof(norm));
  return norm;
}

// The range of the dimension that varies most, spread over a byte, is the scale of all. The others
// use the middle of the byte, which leaves room for rows to come.
RowStore::Range RowStore::choose_range(const Look& look) const {
  std::vector<float> low(row(0), row(0) + dimensions_);
  std::vector<float> high(low);
  for (Ordinal i = 1; i < rows_; ++i) {
    look();
    const float* values = row(i);
    for (uint32_t d = 0; d < dimensions_; ++d) {
      low[d] = std::min(low[d], values[d]);
      high[d] = std::max(high[d], values[d]);
    }
  }
  double widest = 0;
  for (uint32_t d = 0; d < dimensions_; ++d) {
    widest = std::max(widest, double{high[d]} - low[d]);
  }
  Range range;
  range.scale = static_cast<float>(widest / kByteMax);
  if (!(range.scale > 0)) {
    range.scale = 1;  // all rows are equal
  }
  range.offsets.resize(dimensions_);
  for (uint32_t d = 0; d < dimensions_; ++d) {
    // Whole steps below the lowest value: integers of a range up to 255 stay exact.
    double spare = kByteMax - (double{high[d]} - low[d]) / range.scale;
    range.offsets[d] =
        static_cast<float>(low[d] - std::floor(std::max(spare, 0.0) / 2) * range.scale);
  }
  return range;
}

// The median, over a sample of rows, of the squared L2 distance to the nearest row that differs;
// 0 if all rows are equal.
double RowStore::nearest_distance(const Look& look) const {
  std::vector<float> nearest;
  for (uint32_t s = 0; s < std::min(kJudgedRows, rows_); ++s) {
    const auto i = static_cast<Ordinal>(uint64_t{s} * rows_ / std::min(kJudgedRows, rows_));
    float least = std::numeric_limits<float>::infinity();
    for (Ordinal j = 0; j < rows_; ++j) {
      look();
      float d = kernels_.l2_squared(row(i), row(j), dimensions_);
      if (d > 0 && d < least) {
        least = d;
      }
    }
    if (std::isfinite(least)) {
      nearest.push_back(least);
    }
  }
  if (nearest.empty()) {
    return 0;
  }
  std::nth_element(nearest.begin(), nearest.begin() + nearest.size() / 2, nearest.end());
  return nearest[nearest.size() / 2];
}

// A value is off by up to half a step either way, evenly: a variance of scale^2 / 12 for each of
// the two rows and each dimension.
bool RowStore::narrows_well(const Look& look) const {
  assert(rows_ > 0 && !narrowed_);
  double scale = choose_range(look).scale;
  double rounding = 2.0 * dimensions_ * scale * scale / 12;
  double nearest = nearest_distance(look);
  return nearest == 0 || rounding < kNegligible * nearest;
}

void RowStore::narrow_row(const float* row, uint8_t* out) const {
  float inverse = 1 / range_.scale;
  for (uint32_t d = 0; d < dimensions_; ++d) {
    float step = (row[d] - range_.offsets[d]) * inverse;
    // Right for what is not negative, and vectorized, which std::lround is not.
    // NOLINTNEXTLINE(bugprone-incorrect-roundings)
    out[d] = static_cast<uint8_t>(std::min(std::max(step, 0.0F), kByteMax) + 0.5F);
  }
  if (metric_ == Metric::kInnerProduct) {
    float norm = kernels_.inner_product(row, row, dimensions_);
    std::memcpy(out + dimensions_, &norm, sizeof(norm));
  }
}

void RowStore::narrow(const Look& look) {
  assert(rows_ > 0 && !narrowed_);
  range_ = choose_range(look);
  size_t narrow_bytes = bytes_per_row(metric_, dimensions_, true);
  size_t chunk_rows = size_t{1} << chunk_shift_;
  for (size_t c = 0; c < chunks_.size(); ++c) {
    Chunk bytes(new uint8_t[narrow_bytes << chunk_shift_]);
    size_t used = std::min(chunk_rows, rows_ - (c << chunk_shift_));
    const float* floats = row(static_cast<Ordinal>(c << chunk_shift_));
    for (size_t i = 0; i < used; ++i) {
      look();
      narrow_row(floats + i * dimensions_, bytes.get() + i * narrow_bytes);
    }
    chunks_[c] = std::move(bytes);
  }
  row_bytes_ = narrow_bytes;
  narrowed_ = true;
}

void RowStore::clear() {
  rows_ = 0;
  narrowed_ = false;
  row_bytes_ = dimensions_ * sizeof(float);
  std::vector<Chunk>().swap(chunks_);
  range_ = Range();
}

const float* RowStore::row(Ordinal i) const {
  assert(!narrowed_ && i < rows_);
  return reinterpret_cast<const float*>(address(i));
}

float RowStore::distance(Ordinal i, Ordinal j) const {
  const uint8_t* a = address(i);
  const uint8_t* b = address(j);
  float d = narrowed_ ? byte_distance(a, b) : float_distance(a, b);
  // Huge values may overflow to a difference of infinities, but a NaN could not be sorted.
  return std::isnan(d) ? std::numeric_limits<float>::infinity() : d;
}

float RowStore::float_distance(const uint8_t* a, const uint8_t* b) const {
  const auto* x = reinterpret_cast<const float*>(a);
  const auto* y = reinterpret_cast<const float*>(b);
  switch (metric_) {
    case Metric::kInnerProduct:
      return -kernels_.inner_product(x, y, dimensions_);
    case Metric::kL1:
      return kernels_.l1(x, y, dimensions_);
    default:
      return kernels_.l2_squared(x, y, dimensions_);
  }
}

float RowStore::byte_distance(const uint8_t* a, const uint8_t* b) const {
  if (metric_ == Metric::kL1) {
    return range_.scale * static_cast<float>(kernels_.byte_l1(a, b, dimensions_));
  }
  float l2 =
      range_.scale * range_.scale * static_cast<float>(kernels_.byte_l2_squared(a, b, dimensions_));
  if (metric_ == Metric::kInnerProduct) {
    return (l2 - squared_norm(a) - squared_norm(b)) / 2;
  }
  return l2;
}

void RowStore::read(Ordinal i, float* out) const {
  if (!narrowed_) {
    std::memcpy(out, row(i), row_bytes_);
    return;
  }
  // What is read does not overlap what is written: the compiler may vectorize.
  const uint8_t* bytes = address(i);
  const float* offsets = range_.offsets.data();
  const float scale = range_.scale;
  float* __restrict to = out;
  for (uint32_t d = 0; d < dimensions_; ++d) {
    to[d] = offsets[d] + scale * static_cast<float>(bytes[d]);
  }
}

// Not the norms beside bytes: rows that round to the same bytes have the same distances but for
// that.
bool RowStore::equal(Ordinal i, Ordinal j) const {
  if (narrowed_) {
    return std::memcmp(address(i), address(j), dimensions_) == 0;
  }
  return std::equal(row(i), row(i) + dimensions_, row(j));
}

// FNV-1a, a word at a time, in lanes that a processor works on side by side.
uint64_t RowStore::hash(Ordinal i) const {
  constexpr uint64_t kPrime = 0x100000001B3;
  constexpr uint32_t kLanes = 4;
  uint64_t lanes[kLanes] = {1, 2, 3, 4};
  auto add = [&](uint32_t at, uint32_t word) {
    uint64_t& lane = lanes[at % kLanes];
    lane = (lane ^ word) * kPrime;
    lane ^= lane >> 32;
  };
  if (narrowed_) {
    const uint8_t* bytes = address(i);
    for (uint32_t d = 0; d < dimensions_; d += sizeof(uint32_t)) {
      uint32_t word = 0;
      std::memcpy(&word, bytes + d, std::min<size_t>(sizeof(word), dimensions_ - d));
      add(d / sizeof(uint32_t), word);
    }
  } else {
    const float* values = row(i);
    for (uint32_t d = 0; d < dimensions_; ++d) {
      const float value = values[d] + 0.0F;  // of -0, which equals 0, makes 0
      uint32_t word;
      std::memcpy(&word, &value, sizeof(word));
      add(d, word);
    }
  }
  uint64_t all = 0;
  for (const uint64_t lane : lanes) {
    all = (all ^ lane) * kPrime;
    all ^= all >> 32;
  }
  return all;
}

size_t RowStore::bytes_per_row(Metric metric, uint32_t dimensions, bool narrowed) {
  if (!narrowed) {
    return dimensions * sizeof(float);
  }
  return dimensions + (metric == Metric::kInnerProduct ? sizeof(float) : 0);
}

}  // namespace vseg
