#include "engine/segment/segment_writer.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <numeric>
#include <stdexcept>
#include <utility>
#include <vector>

#include "engine/graph/worker_threads.h"
#include "engine/quantizer/edge_codes.h"
#include "engine/quantizer/rotation.h"
#include "engine/quantizer/split_vector.h"

#include "engine/common/engine_only.h"

namespace vseg {
namespace {

void require_consistent(const SegmentParts& parts) {
  const SegmentHeader& header = parts.header;
  const Graph& graph = parts.graph;
  if (parts.extents.size() != header.extents || parts.tids.size() != header.rows ||
      graph.rows != header.rows || graph.degree != header.degree ||
      graph.neighbors.size() != size_t{header.rows} * header.degree ||
      graph.entry_points.size() != header.entry_points ||
      (header.code_bytes != 0 && parts.rotated == nullptr)) {
    throw std::logic_error("the parts of a segment do not fit its header");
  }
}

// Writes `count` elements of an array, `per_page` to a page.
template <typename T>
void write_array(PageSink& sink, PageKind kind, const T* elements, size_t count, size_t per_page) {
  for (size_t i = 0; i < count; i += per_page) {
    size_t n = std::min(per_page, count - i);
    sink.write(kind, reinterpret_cast<const std::byte*>(elements + i), n * sizeof(T));
  }
}

void write_header(const SegmentParts& parts, PageSink& sink) {
  const std::vector<uint32_t>& extents = parts.extents;
  size_t in_header = std::min<size_t>(extents.size(), kInlineExtents);
  std::vector<std::byte> page(sizeof(SegmentHeader) + in_header * sizeof(uint32_t));
  std::memcpy(page.data(), &parts.header, sizeof(SegmentHeader));
  std::memcpy(page.data() + sizeof(SegmentHeader), extents.data(), in_header * sizeof(uint32_t));
  sink.write(PageKind::kSegmentHeader, page.data(), page.size());
  write_array(sink, PageKind::kExtentList, extents.data() + in_header, extents.size() - in_header,
              kExtentsPerListPage);
}

// Codes of node blocks' neighbours, from the rotated rows.
class CodeWriter {
 public:
  explicit CodeWriter(const SegmentParts& parts)
      : rows_(*parts.rotated),
        encoder_(parts.header.metric, parts.header.dimensions, parts.header.degree),
        neighbor_(rows_.dimensions()) {}

  // `own` is the rotated vector of the block.
  void write(const float* own, const Ordinal* neighbors, uint32_t count, std::byte* area) {
    encoder_.start(own, area);
    for (uint32_t i = 0; i < count; i++) {
      rows_.read(neighbors[i], neighbor_.data());
      encoder_.add(neighbor_.data());
    }
  }

 private:
  const RowStore& rows_;
  EdgeEncoder encoder_;
  std::vector<float> neighbor_;
};

// Codes of the rows' node blocks, computed for a batch of rows at a time.
class RowCodes {
 public:
  explicit RowCodes(const SegmentParts& parts)
      : parts_(parts), areas_(size_t{kBatchRows} * parts.header.code_bytes) {}

  // REQUIRES: asked for in ascending order. Valid until the next call; null if there are no codes.
  const std::byte* area(Ordinal row) {
    if (parts_.header.code_bytes == 0) {
      return nullptr;
    }
    if (row == first_ + count_) {
      first_ = row;
      count_ = std::min(kBatchRows, parts_.header.rows - row);
      compute();
    }
    return areas_.data() + size_t{row - first_} * parts_.header.code_bytes;
  }

 private:
  // Keeps the areas within a few megabytes, and the start of threads a small part of the work.
  static constexpr uint32_t kBatchRows = 512;

  void compute() {
    if (parts_.monitor == nullptr || parts_.threads < 2) {
      RowQueue queue(count_);
      encode(queue);
      return;
    }
    SharedWork shared;
    shared.work = [this](RowQueue& queue) { encode(queue); };
    run_threads(count_, parts_.threads, *parts_.monitor, shared);
  }

  void encode(RowQueue& queue) {
    CodeWriter codes(parts_);
    std::vector<float> own(parts_.rotated->dimensions());
    for (uint32_t i; queue.next(&i);) {
      const Ordinal row = first_ + i;
      parts_.rotated->read(row, own.data());
      codes.write(own.data(), parts_.graph.list(row), parts_.graph.list_size(row),
                  areas_.data() + size_t{i} * parts_.header.code_bytes);
    }
  }

  const SegmentParts& parts_;
  Ordinal first_ = 0;
  uint32_t count_ = 0;
  std::vector<std::byte> areas_;
};

// Node blocks of one kind, gathered into pages or cut into pages.
class NodeWriter {
 public:
  NodeWriter(const SegmentParts& parts, PageKind kind, PageSink& sink)
      : kind_(kind),
        sink_(sink),
        layout_(node_layout(parts.header)),
        capacity_(std::max(layout_.nodes_per_page, 1u) * size_t{layout_.node_bytes}),
        buffer_(capacity_) {}

  struct Node {
    Ordinal ordinal;
    const Ordinal* neighbors;
    uint32_t count;
    const float* vector;
    const std::byte* codes;  // where there are any
  };

  void put(const Node& node) {
    std::byte* block = buffer_.data() + used_;
    NodeHeader header{node.ordinal, static_cast<uint16_t>(node.count), 0};
    std::memcpy(block, &header, sizeof(header));
    auto* list = reinterpret_cast<Ordinal*>(block + layout_.neighbors_offset);
    std::copy(node.neighbors, node.neighbors + node.count, list);
    std::fill(list + node.count, list + layout_.degree, kNoOrdinal);
    if (layout_.code_bytes != 0) {
      std::memcpy(block + layout_.code_offset, node.codes, layout_.code_bytes);
    }
    put_own_vector(node.vector, block + layout_.vector_offset);
    used_ += layout_.node_bytes;
    if (used_ == capacity_) {
      flush();
    }
  }

  // The second part of the row last put, where own vectors are split.
  const std::vector<uint16_t>& remainder() const { return remainder_; }

  void flush() {
    for (size_t at = 0; at < used_; at += kPagePayload) {
      sink_.write(kind_, buffer_.data() + at, std::min<size_t>(kPagePayload, used_ - at));
    }
    used_ = 0;
  }

 private:
  void put_own_vector(const float* vector, std::byte* to) {
    const size_t n = layout_.dimensions;
    if (layout_.own == OwnVector::kFloat4) {
      std::memcpy(to, vector, n * sizeof(float));
      return;
    }
    remainder_.resize(n);
    const SplitScale scale = split_vector(
        vector, n, reinterpret_cast<uint8_t*>(to + sizeof(SplitScale)), remainder_.data());
    std::memcpy(to, &scale, sizeof(scale));
  }

  PageKind kind_;
  PageSink& sink_;
  NodeLayout layout_;
  size_t capacity_;  // node blocks of one page, or one node block of several pages
  std::vector<std::byte> buffer_;
  size_t used_ = 0;
  std::vector<uint16_t> remainder_;
};

// The second parts of a group's vectors, kept until its nodes are written.
class RemainderWriter {
 public:
  RemainderWriter(const NodeLayout& layout, PageSink& sink) : layout_(layout), sink_(sink) {}

  void put(const std::vector<uint16_t>& remainder) {
    const auto* bytes = reinterpret_cast<const std::byte*>(remainder.data());
    group_.insert(group_.end(), bytes, bytes + remainder.size() * sizeof(uint16_t));
  }

  // The group's pages of remainders; those that a last, short group has no rows for are empty.
  void flush() {
    const size_t per_page = layout_.remainders_per_page == 0
                                ? kPagePayload
                                : layout_.remainders_per_page * layout_.remainder_bytes;
    for (uint32_t i = layout_.node_pages_per_group; i < layout_.pages_per_group; i++) {
      const size_t at = std::min(per_page * (i - layout_.node_pages_per_group), group_.size());
      sink_.write(PageKind::kRemainders, group_.data() + at,
                  std::min(per_page, group_.size() - at));
    }
    group_.clear();
  }

 private:
  const NodeLayout& layout_;
  PageSink& sink_;
  std::vector<std::byte> group_;
};

// The vectors of the entry blocks: means of the entry points below them, whose vectors come by
// while the nodes are written. Divided before they are added, huge elements do not overflow.
class EntryMeans {
 public:
  EntryMeans(const SegmentHeader& header, const std::vector<Ordinal>& entry_points)
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

  // REQUIRES: ordinals in ascending order.
  void see(Ordinal ordinal, const float* vector) {
    for (; !waiting_.empty() && waiting_.back().ordinal == ordinal; waiting_.pop_back()) {
      add(vector, 1, waiting_.back().block);
    }
  }

  // The means of all blocks, one after the other. REQUIRES: every entry point has been seen, and
  // this has not been called yet.
  std::vector<float> means() {
    for (uint32_t level = tree_.levels(); level-- > 1;) {
      add_children(level - 1);
    }
    return std::move(means_);
  }

 private:
  struct Point {
    Ordinal ordinal;
    uint32_t block;
  };

  float* mean_of(uint32_t block) { return means_.data() + size_t{block} * dimensions_; }

  // Adds the share that so many of the block's points have, whose mean is `vector`.
  void add(const float* vector, uint32_t points, uint32_t block) {
    const float share = static_cast<float>(points) / static_cast<float>(points_[block]);
    float* mean = mean_of(block);
    for (uint32_t d = 0; d < dimensions_; d++) {
      mean[d] += vector[d] * share;
    }
  }

  // Makes the means of a level's blocks from those of the next.
  void add_children(uint32_t level) {
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

  uint32_t dimensions_;
  EntryTree tree_;
  std::vector<float> means_;      // of the points below each block
  std::vector<uint32_t> points_;  // how many they are
  std::vector<Point> waiting_;    // not seen yet, the next one last
};

// Pages of nodes that the rows of a last, short group do not fill.
void pad_group(const NodeLayout& layout, uint32_t rows, PageSink& sink) {
  const uint32_t left = rows % layout.rows_per_group;
  if (left == 0) {
    return;
  }
  const uint32_t per_page = std::max(layout.nodes_per_page, 1u);
  const uint32_t written = (left + per_page - 1) / per_page * layout.pages_per_node;
  for (uint32_t page = written; page < layout.node_pages_per_group; page++) {
    sink.write(PageKind::kNodes, nullptr, 0);
  }
}

void write_nodes(const SegmentParts& parts, PageSink& sink, EntryMeans* entry_means) {
  const NodeLayout layout = node_layout(parts.header);
  NodeWriter writer(parts, PageKind::kNodes, sink);
  RemainderWriter remainders(layout, sink);
  RowCodes codes(parts);
  for (Ordinal i = 0; i < parts.header.rows; i++) {
    const float* vector = parts.vectors.next();
    entry_means->see(i, vector);
    writer.put({i, parts.graph.list(i), parts.graph.list_size(i), vector, codes.area(i)});
    remainders.put(writer.remainder());
    if ((i + 1) % layout.rows_per_group == 0) {
      remainders.flush();
    }
  }
  writer.flush();
  pad_group(layout, parts.header.rows, sink);
  if (parts.header.rows % layout.rows_per_group != 0) {
    remainders.flush();
  }
}

class EntryTreeWriter {
 public:
  EntryTreeWriter(const SegmentParts& parts, std::vector<float> means, PageSink& sink)
      : parts_(parts),
        means_(std::move(means)),
        rotation_(parts.header.dimensions),
        encoder_(parts.header.metric, parts.header.dimensions, parts.header.degree),
        own_(rotation_.padded()),
        neighbor_(rotation_.padded()),
        codes_(parts.header.code_bytes),
        writer_(parts, PageKind::kEntryPoints, sink) {}

  void write() {
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

 private:
  const float* mean(uint32_t block) const {
    return means_.data() + size_t{block} * parts_.header.dimensions;
  }

  void put_inner(uint32_t block, const EntryLevel& children) {
    std::vector<Ordinal> numbers(children.count);
    std::iota(numbers.begin(), numbers.end(), children.first);
    start_codes(block);
    for (Ordinal child : numbers) {
      add_code([&] { rotation_.apply(mean(child), neighbor_.data()); });
    }
    writer_.put({kNoOrdinal, numbers.data(), children.count, mean(block), codes_.data()});
  }

  void put_last(uint32_t block, const EntryLevel& points) {
    const Ordinal* rows = parts_.graph.entry_points.data() + points.first;
    start_codes(block);
    for (uint32_t i = 0; i < points.count; i++) {
      add_code([&] { parts_.rotated->read(rows[i], neighbor_.data()); });
    }
    writer_.put({kNoOrdinal, rows, points.count, mean(block), codes_.data()});
  }

  void start_codes(uint32_t block) {
    if (!codes_.empty()) {
      rotation_.apply(mean(block), own_.data());
      encoder_.start(own_.data(), codes_.data());
    }
  }

  template <typename Read>
  void add_code(Read read) {
    if (!codes_.empty()) {
      read();
      encoder_.add(neighbor_.data());
    }
  }

  const SegmentParts& parts_;
  const std::vector<float> means_;  // of the blocks
  const Rotation rotation_;
  EdgeEncoder encoder_;
  std::vector<float> own_, neighbor_;  // rotated
  std::vector<std::byte> codes_;       // of the block being written
  NodeWriter writer_;
};

void write_tombstones(const SegmentHeader& header, PageSink& sink) {
  std::vector<std::byte> none(kPagePayload);
  for (uint32_t i = 0; i < header.tombstones.count; i++) {
    uint32_t rows = std::min(kTombstonesPerPage, header.rows - i * kTombstonesPerPage);
    sink.write(PageKind::kTombstones, none.data(), (rows + 7) / 8);
  }
}

}  // namespace

void write_segment(const SegmentParts& parts, PageSink& sink) {
  require_consistent(parts);
  write_header(parts, sink);
  EntryMeans entry_means(parts.header, parts.graph.entry_points);
  write_nodes(parts, sink, &entry_means);
  write_array(sink, PageKind::kTids, parts.tids.data(), parts.tids.size(), kTidsPerPage);
  write_tombstones(parts.header, sink);
  EntryTreeWriter(parts, entry_means.means(), sink).write();
}

}  // namespace vseg
