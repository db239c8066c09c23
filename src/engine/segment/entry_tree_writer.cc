#include "engine/segment/entry_tree_writer.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "engine/common/engine_only.h"

namespace vseg {

EntryMeans::EntryMeans(const SegmentHeader& header, const std::vector<Ordinal>& entry_points)
    : dimensions_(header.dimensions),
      tree_(entry_tree(header)),
      means_(size_t{tree_.blocks()} * dimensions_),
      points_(tree_.blocks()) {
  const uint32_t last = tree_.levels() == 0 ? 0 : tree_.level(tree_.levels() - 1).first;
  for (uint32_t i = 0; i < entry_points.size(); i++) {
    waiting_.push_back({entry_points[i], last + i / header.degree});
    points_[waiting_.back().block]++;
  }
  std::sort(waiting_.begin(), waiting_.end(),
            [](const Point& a, const Point& b) { return a.ordinal > b.ordinal; });
}

void EntryMeans::see(Ordinal ordinal, const float* vector) {
  for (; !waiting_.empty() && waiting_.back().ordinal == ordinal; waiting_.pop_back()) {
    add(vector, 1, waiting_.back().block);
  }
}

std::vector<float> EntryMeans::means() {
  for (uint32_t level = tree_.levels(); level-- > 1;) {
    add_children(level - 1);
  }
  return std::move(means_);
}

// Adds the share that so many of the block's points have, whose mean is `vector`.
void EntryMeans::add(const float* vector, uint32_t points, uint32_t block) {
  const float share = static_cast<float>(points) / static_cast<float>(points_[block]);
  float* mean = mean_of(block);
  for (uint32_t d = 0; d < dimensions_; d++) {
    mean[d] += vector[d] * share;
  }
}

// Makes the means of a level's blocks from those of the next.
void EntryMeans::add_children(uint32_t level) {
  const EntryLevel blocks = tree_.level(level);
  for (uint32_t block = blocks.first; block < blocks.first + blocks.count; block++) {
    const EntryLevel children = tree_.children(level, block);
    const auto first = points_.begin() + children.first;
    points_[block] = std::accumulate(first, first + children.count, 0U);
    for (uint32_t child = children.first; child < children.first + children.count; child++) {
      add(mean_of(child), points_[child], block);
    }
  }
}

EntryTreeWriter::EntryTreeWriter(const SegmentParts& parts, std::vector<float> means,
                                 PageSink& sink)
    : parts_(parts),
      means_(std::move(means)),
      rotation_(parts.header.dimensions),
      own_(rotation_.padded()),
      neighbor_(rotation_.padded()),
      codes_(parts.header.code_bytes),
      writer_(parts.header, PageKind::kEntryPoints, sink) {
  if (parts.header.code_bytes != 0) {
    encoder_.emplace(parts.header.metric, parts.header.dimensions, parts.header.degree);
  }
}

void EntryTreeWriter::write() {
  const EntryTree tree = entry_tree(parts_.header);
  for (uint32_t level = 0; level < tree.levels(); level++) {
    const EntryLevel blocks = tree.level(level);
    for (uint32_t block = blocks.first; block < blocks.first + blocks.count; block++) {
      const EntryLevel children = tree.children(level, block);
      if (level + 1 < tree.levels()) {
        put_inner(block, children);
      } else {
        put_last(block, children);
      }
    }
  }
  writer_.flush();
}

void EntryTreeWriter::put_inner(uint32_t block, const EntryLevel& children) {
  std::vector<Ordinal> numbers(children.count);
  std::iota(numbers.begin(), numbers.end(), children.first);
  start_codes(block);
  for (uint32_t i = 0; encoder_ && i < children.count; i++) {
    rotation_.apply(mean(numbers[i]), neighbor_.data());
    encoder_->add(neighbor_.data());
  }
  writer_.put({kNoOrdinal, numbers.data(), children.count, mean(block), codes_.data()});
}

void EntryTreeWriter::put_last(uint32_t block, const EntryLevel& points) {
  const Ordinal* rows = parts_.graph.entry_points.data() + points.first;
  start_codes(block);
  for (uint32_t i = 0; encoder_ && i < points.count; i++) {
    parts_.rotated->read(rows[i], neighbor_.data());
    encoder_->add(neighbor_.data());
  }
  writer_.put({kNoOrdinal, rows, points.count, mean(block), codes_.data()});
}

void EntryTreeWriter::start_codes(uint32_t block) {
  if (encoder_) {
    rotation_.apply(mean(block), own_.data());
    encoder_->start(own_.data(), codes_.data());
  }
}

}  // namespace vseg
