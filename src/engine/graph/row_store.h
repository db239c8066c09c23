// The rows a graph is built over, in memory: floats, or bytes where floats do not fit.
#ifndef VSEG_ENGINE_GRAPH_ROW_STORE_H_
#define VSEG_ENGINE_GRAPH_ROW_STORE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "engine/common/types.h"
#include "engine/kernels/distance.h"

namespace vseg {

// Rows are appended as floats and are numbered in the order they come. `narrow` turns the store to
// one byte a dimension, a quarter of the memory, for rows so far and to come; distances are then
// those of the rounded rows.
//
// Narrowing: byte = round((x - offset[dimension]) / scale) clamped to 0..255, one scale for all
// dimensions so that L2 and L1 stay integer sums. Inner products are kept by
// <a, b> = (|a|^2 + |b|^2 - |a - b|^2) / 2 with the exact rows' squared norms beside the bytes.
//
// Memory is taken in chunks of a fixed number of rows, so that growing never copies, and narrowing
// gives each chunk's floats back before it turns to the next.
class RowStore {
 public:
  RowStore(Metric metric, uint32_t dimensions);

  void append(const float* row);
  // Called again and again by what looks at all rows; may throw to end it.
  using Look = std::function<void()>;

  // REQUIRES: !narrowed() and rows() > 0, for they set the range of the bytes. After an exception
  // only clear() and the destructor may be called.
  void narrow(const Look& look = [] {});

  // Whether narrowing would leave the order of near rows alone: what rounding adds to a squared L2
  // distance is expected to be less than a hundredth of that between a row and its nearest other,
  // judged by the rows so far. Bytes then build the same graph in less time, since a build waits
  // for memory. False for data with dimensions of very unequal range. REQUIRES: as narrow().
  bool narrows_well(const Look& look = [] {}) const;

  void clear();  // forgets rows and narrowing, frees the memory

  bool narrowed() const { return narrowed_; }
  uint32_t rows() const { return rows_; }
  uint32_t dimensions() const { return dimensions_; }
  Metric metric() const { return metric_; }
  const float* row(Ordinal i) const;  // REQUIRES: !narrowed()

  // Engine distance (see Metric) between two rows. Thread-safe once appending has ended.
  float distance(Ordinal i, Ordinal j) const;

  // Whether the store cannot tell two rows apart; equal rows have equal hashes.
  bool equal(Ordinal i, Ordinal j) const;
  uint64_t hash(Ordinal i) const;

  // Row i as floats (rounded if narrowed), for dense algebra; `out` has room for dimensions().
  void read(Ordinal i, float* out) const;

  // Memory a row takes in either form.
  static size_t bytes_per_row(Metric metric, uint32_t dimensions, bool narrowed);

 private:
  using Chunk = std::unique_ptr<uint8_t[]>;

  uint8_t* address(Ordinal i) const {
    return chunks_[i >> chunk_shift_].get() + (i & chunk_mask_) * row_bytes_;
  }
  void add_chunk();
  // How bytes stand for floats: value = offset[dimension] + scale * byte.
  struct Range {
    std::vector<float> offsets;
    float scale = 1;
  };
  Range choose_range(const Look& look) const;
  double nearest_distance(const Look& look) const;
  void narrow_row(const float* row, uint8_t* out) const;
  float squared_norm(const uint8_t* bytes) const;
  float float_distance(const uint8_t* a, const uint8_t* b) const;
  float byte_distance(const uint8_t* a, const uint8_t* b) const;

  Metric metric_;
  uint32_t dimensions_;
  uint32_t rows_ = 0;
  bool narrowed_ = false;
  uint32_t chunk_shift_;  // a chunk has 1 << chunk_shift_ rows
  uint32_t chunk_mask_;
  size_t row_bytes_;
  std::vector<Chunk> chunks_;
  Range range_;  // narrowed
  const DistanceKernels& kernels_;
};

}  // namespace vseg

#endif  // VSEG_ENGINE_GRAPH_ROW_STORE_H_
