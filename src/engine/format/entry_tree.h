// Where the blocks of a segment's entry tree are; plain arithmetic.
//
// The blocks are numbered level by level, the root first. Block i of a level has the blocks
// i * degree .. of the next as its children, or, on the last level, that stretch of the entry
// points.
#ifndef VSEG_ENGINE_FORMAT_ENTRY_TREE_H_
#define VSEG_ENGINE_FORMAT_ENTRY_TREE_H_

#include <algorithm>
#include <array>
#include <cstdint>

#include "engine/common/types.h"

namespace vseg {

// Whether a tree of many points leads a search near its rows. Not where there are no codes, since
// all points of a block are compared with the query then; nor for inner products: a mean says
// little of the largest of them below it. There one block of points has to do.
inline bool has_deep_entry_tree(Metric metric) {
  return metric == Metric::kL2 || metric == Metric::kCosine;
}

// Blocks of one level, or the points below the last.
struct EntryLevel {
  uint32_t first;  // number of the level's first block
  uint32_t count;
};

class EntryTree {
 public:
  // REQUIRES: degree >= 2.
  EntryTree(uint32_t points, uint32_t degree) : degree_(degree) {
    for (uint32_t below = points; below > 1 || (levels_ == 0 && below == 1);) {
      below = below / degree + (below % degree != 0);
      counts_[levels_++] = below;
    }
    std::reverse(counts_.begin(), counts_.begin() + levels_);
    counts_[levels_] = points;
  }

  // None where there are no points.
  uint32_t levels() const { return levels_; }

  // REQUIRES: i <= levels(); of the points, numbered from 0, where i == levels().
  EntryLevel level(uint32_t i) const { return {i == levels_ ? 0 : blocks_before(i), counts_[i]}; }

  // Children of a level's block: their numbers.
  EntryLevel children(uint32_t i, uint32_t block) const {
    const EntryLevel below = level(i + 1);
    const uint32_t from = (block - level(i).first) * degree_;
    return {below.first + from, std::min(degree_, below.count - from)};
  }

  uint32_t blocks() const { return blocks_before(levels_); }

 private:
  static constexpr uint32_t kMaxLevels = 32;  // of degree 2

  uint32_t blocks_before(uint32_t level) const {
    uint32_t blocks = 0;
    for (uint32_t i = 0; i < level; i++) {
      blocks += counts_[i];
    }
    return blocks;
  }

  uint32_t degree_;
  uint32_t levels_ = 0;
  std::array<uint32_t, kMaxLevels + 1> counts_{};  // root first, the points last
};

}  // namespace vseg

#endif  // VSEG_ENGINE_FORMAT_ENTRY_TREE_H_
