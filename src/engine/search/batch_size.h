// How many rows the batches of a segment's cursor deliver.
#ifndef VSEG_ENGINE_SEARCH_BATCH_SIZE_H_
#define VSEG_ENGINE_SEARCH_BATCH_SIZE_H_

#include <algorithm>
#include <cstdint>

namespace vseg {

// The first batch has ef rows, each further one twice as many as the one before, up to a limit: who
// comes back often wants many, and a batch has to take up all that was seen before it.
class BatchSize {
 public:
  explicit BatchSize(uint32_t ef) : rows_(std::max(ef, 1U)) {}

  uint32_t rows() const { return rows_; }
  void grow() { rows_ = std::max(rows_, std::min(2 * rows_, kMax)); }

 private:
  static constexpr uint32_t kMax = 10000;  // unless ef is greater

  uint32_t rows_;
};

}  // namespace vseg

#endif  // VSEG_ENGINE_SEARCH_BATCH_SIZE_H_
