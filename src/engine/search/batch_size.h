// How many rows the batches of a segment's cursor deliver.
#ifndef VSEG_ENGINE_SEARCH_BATCH_SIZE_H_
#define VSEG_ENGINE_SEARCH_BATCH_SIZE_H_

#include <algorithm>
#include <cstdint>
#include <utility>

namespace vseg {

// The first batch has ef rows, or fewer, and the second completes them. Each further one has twice
// as many as the one before it, and as ef, up to a limit: who comes back often wants many, and a
// batch has to take up all that was seen before it.
class BatchSize {
 public:
  // REQUIRES: 0 < first <= ef.
  BatchSize(uint32_t ef, uint32_t first) : ef_(ef), rows_(first), missing_(ef - first) {}
  BatchSize(uint32_t ef) : BatchSize(ef, ef) {}

  uint32_t ef() const { return ef_; }
  uint32_t rows() const { return rows_; }
  void grow() {
    if (missing_ > 0) {
      rows_ = std::exchange(missing_, 0);
    } else {
      rows_ = std::max(rows_, ef_);
      rows_ = std::max(rows_, std::min(2 * rows_, kMax));
    }
  }

 private:
  static constexpr uint32_t kMax = 10000;  // unless ef is greater

  uint32_t ef_;
  uint32_t rows_;
  uint32_t missing_;  // from ef
};

}  // namespace vseg

#endif  // VSEG_ENGINE_SEARCH_BATCH_SIZE_H_
