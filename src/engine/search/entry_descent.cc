#include "engine/search/entry_descent.h"

#include <algorithm>
#include <numeric>

#include "engine/common/engine_only.h"

namespace vseg {
namespace {

// Blocks looked into on each level, whose estimates are rough: 960,000 clustered rows of 128
// dimensions (bench/run scale) take 72 rows expanded for recall@10 0.95 with 1, 54 with 3, 53 with
// 4 (133 without a tree, from 16 entry points).
constexpr size_t kEntryBlocks = 3;

}  // namespace

EntryDescent::EntryDescent(SegmentReader& segment, const Query& query, const CodedQuery* coded)
    : segment_(segment), query_(query), coded_(coded), estimates_(segment.header().degree) {}

std::vector<uint32_t> EntryDescent::nearest_blocks() {
  const EntryTree& tree = segment_.entry_tree();
  if (tree.levels() == 0) {
    return {};
  }
  uint32_t level = 0;
  while (level + 1 < tree.levels() && tree.level(level + 1).count <= kEntryBlocks) {
    level++;
  }
  blocks_.resize(tree.level(level).count);
  std::iota(blocks_.begin(), blocks_.end(), tree.level(level).first);
  for (; level + 1 < tree.levels(); level++) {
    descend(level);
  }
  return blocks_;
}

// From blocks of a level to the nearest ones below them.
void EntryDescent::descend(uint32_t level) {
  children_.clear();
  for (uint32_t block : blocks_) {
    see_children(level, block);
  }
  const size_t kept = std::min(children_.size(), kEntryBlocks);
  std::partial_sort(children_.begin(), children_.begin() + static_cast<ptrdiff_t>(kept),
                    children_.end(), nearer);
  blocks_.clear();
  for (size_t i = 0; i < kept; i++) {
    segment_.prefetch_entry_block(children_[i].ordinal);
    blocks_.push_back(children_[i].ordinal);
  }
}

void EntryDescent::see_children(uint32_t level, uint32_t block) {
  const NodeView entry = segment_.entry_block(level, block);
  numbers_.assign(entry.neighbors, entry.neighbors + entry.neighbor_count);
  if (coded_ != nullptr) {
    coded_->estimate(query_.distance(entry.vector), entry.codes, entry.neighbor_count,
                     estimates_.data());
  } else {
    for (size_t i = 0; i < numbers_.size(); i++) {
      estimates_[i] = query_.distance(segment_.entry_block(level + 1, numbers_[i]).vector);
    }
  }
  for (size_t i = 0; i < numbers_.size(); i++) {
    children_.push_back({orderable(estimates_[i]), numbers_[i]});
  }
}

}  // namespace vseg
