#include "engine/segment/segment_writer.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <vector>

#include "engine/common/errors.h"
#include "engine/common/worker_threads.h"
#include "engine/quantizer/edge_codes.h"
#include "engine/segment/entry_tree_writer.h"
#include "engine/segment/node_writer.h"

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

// Asks the monitor at every page, whatever is in it.
class WatchedSink final : public PageSink {
 public:
  WatchedSink(PageSink& sink, BuildMonitor* monitor) : sink_(sink) {
    if (monitor != nullptr) {
      check_.emplace(*monitor);
    }
  }

  void write(PageKind kind, const std::byte* payload, size_t bytes) override {
    look();
    sink_.write(kind, payload, bytes);
  }
  void look() {
    if (check_) {
      check_->look();
    }
  }

 private:
  PageSink& sink_;
  std::optional<CancelCheck> check_;
};

// Writes `count` elements of an array, `per_page` to a page.
template <typename T>
void write_array(PageSink& sink, PageKind kind, const T* elements, size_t count, size_t per_page) {
  for (size_t i = 0; i < count; i += per_page) {
    size_t n = std::min(per_page, count - i);
    sink.write(kind, reinterpret_cast<const std::byte*>(elements + i), n * sizeof(T));
  }
}

void write_header(const SegmentParts& parts, PageSink& sink) {
  const std::vector<ExtentRun> runs = extent_runs(parts.extents);
  if (runs.size() > kMaxExtentRuns) {
    throw LimitError("the extents of a segment are in too many places");
  }
  SegmentHeader header = parts.header;
  header.runs = static_cast<uint32_t>(runs.size());
  std::vector<std::byte> page(sizeof(SegmentHeader) + runs.size() * sizeof(ExtentRun));
  std::memcpy(page.data(), &header, sizeof(SegmentHeader));
  std::memcpy(page.data() + sizeof(SegmentHeader), runs.data(), runs.size() * sizeof(ExtentRun));
  sink.write(PageKind::kSegmentHeader, page.data(), page.size());
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
  RowCodes(const SegmentParts& parts, WatchedSink& watched)
      : parts_(parts), watched_(watched), areas_(size_t{kBatchRows} * parts.header.code_bytes) {}

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
      encode(queue, [this] { watched_.look(); });
      return;
    }
    SharedWork shared;
    shared.work = [this](RowQueue& queue) { encode(queue, [] {}); };
    run_threads(count_, parts_.threads, *parts_.monitor, shared);
  }

  template <typename Look>
  void encode(RowQueue& queue, Look&& look) {
    CodeWriter codes(parts_);
    std::vector<float> own(parts_.rotated->dimensions());
    for (uint32_t i; queue.next(&i);) {
      look();
      const Ordinal row = first_ + i;
      parts_.rotated->read(row, own.data());
      codes.write(own.data(), parts_.graph.list(row), parts_.graph.list_size(row),
                  areas_.data() + size_t{i} * parts_.header.code_bytes);
    }
  }

  const SegmentParts& parts_;
  WatchedSink& watched_;
  Ordinal first_ = 0;
  uint32_t count_ = 0;
  std::vector<std::byte> areas_;
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

void write_nodes(const SegmentParts& parts, WatchedSink& sink, EntryMeans* entry_means) {
  const NodeLayout layout = node_layout(parts.header);
  NodeWriter writer(parts.header, PageKind::kNodes, sink);
  RemainderWriter remainders(layout, sink);
  RowCodes codes(parts, sink);
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

void write_tombstones(const SegmentHeader& header, PageSink& sink) {
  std::vector<std::byte> none(kPagePayload);
  for (uint32_t i = 0; i < header.tombstones.count; i++) {
    uint32_t rows = std::min(kTombstonesPerPage, header.rows - i * kTombstonesPerPage);
    sink.write(PageKind::kTombstones, none.data(), (rows + 7) / 8);
  }
}

}  // namespace

void write_segment(const SegmentParts& parts, PageSink& to) {
  require_consistent(parts);
  WatchedSink sink(to, parts.monitor);
  write_header(parts, sink);
  EntryMeans entry_means(parts.header, parts.graph.entry_points);
  write_nodes(parts, sink, &entry_means);
  write_array(sink, PageKind::kTids, parts.tids.data(), parts.tids.size(), kTidsPerPage);
  write_tombstones(parts.header, sink);
  EntryTreeWriter(parts, entry_means.means(), sink).write();
}

}  // namespace vseg
