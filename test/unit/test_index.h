// Indexes for tests: rows, graphs by brute force, segments and append chains, in memory.
#ifndef VSEG_TEST_UNIT_TEST_INDEX_H_
#define VSEG_TEST_UNIT_TEST_INDEX_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <utility>
#include <vector>

#include "engine/format/append_format.h"
#include "engine/format/metapage_format.h"
#include "engine/format/segment_format.h"
#include "engine/graph/graph_builder.h"
#include "engine/quantizer/rotation.h"
#include "engine/search/query.h"
#include "engine/append/append_encoder.h"
#include "engine/segment/segment_writer.h"
#include "memory_pages.h"

namespace vseg {

struct Rows {
  uint32_t dimensions;
  std::vector<float> floats;

  uint32_t count() const { return static_cast<uint32_t>(floats.size() / dimensions); }
  const float* row(uint32_t i) const { return floats.data() + size_t{i} * dimensions; }
};

inline Rows random_rows(uint32_t count, uint32_t dimensions, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  Rows rows{dimensions, std::vector<float>(size_t{count} * dimensions)};
  std::generate(rows.floats.begin(), rows.floats.end(), [&] { return normal(random); });
  return rows;
}

// Row `number` of everything a test inserts is at this heap address.
inline Tid tid_of(uint32_t number) {
  return {static_cast<uint16_t>(number >> 24), static_cast<uint16_t>(number >> 8),
          static_cast<uint16_t>((number & 0xFF) + 1)};
}

inline uint32_t number_of(const Tid& tid) {
  return uint32_t{tid.block_high} << 24 | uint32_t{tid.block_low} << 8 | (tid.offset - 1u);
}

// Exact nearest neighbours of each row, and the next row, so that all are reachable from row 0.
inline Graph brute_force_graph(const Rows& rows, Metric metric, uint32_t m) {
  Graph graph;
  graph.rows = rows.count();
  graph.degree = layer0_degree(m);
  graph.neighbors.assign(size_t{graph.rows} * graph.degree, kNoOrdinal);
  if (graph.rows > 0) {
    graph.entry_points = {0};
  }
  std::vector<std::pair<float, Ordinal>> others;
  for (Ordinal i = 0; i < graph.rows; i++) {
    Query query(metric, rows.row(i), rows.dimensions);
    Ordinal next = (i + 1) % graph.rows;
    others.clear();
    for (Ordinal j = 0; j < graph.rows; j++) {
      if (j != i && j != next) {
        others.emplace_back(query.distance(rows.row(j)), j);
      }
    }
    size_t kept = std::min<size_t>(others.size(), graph.degree - 1);
    std::partial_sort(others.begin(), others.begin() + kept, others.end());
    Ordinal* list = graph.neighbors.data() + size_t{i} * graph.degree;
    list[0] = next;
    for (size_t k = 0; k < kept; k++) {
      list[k + 1] = others[k].second;
    }
  }
  return graph;
}

// Hands out the rows of a Rows, for write_segment.
class RowsInOrder : public ExactVectors {
 public:
  explicit RowsInOrder(const Rows& rows) : rows_(rows) {}
  const float* next() override { return rows_.row(next_++); }

 private:
  const Rows& rows_;
  uint32_t next_ = 0;
};

// The rows as codes are made from them.
inline RowStore rotate(const Rows& rows, const SegmentHeader& header) {
  const Rotation rotation(rows.dimensions);
  RowStore rotated(header.metric, rotation.padded());
  std::vector<float> row(rotation.padded());
  for (uint32_t i = 0; i < rows.count(); i++) {
    rotation.apply(rows.row(i), row.data());
    rotated.append(row.data());
  }
  return rotated;
}

class TestIndex {
 public:
  TestIndex(Metric metric, uint32_t dimensions) : metapage_{} {
    metapage_.dimensions = dimensions;
    metapage_.metric = metric;
    metapage_.m = 16;
    metapage_.next_id = 1;
  }

  // Writes a segment whose row i is number `first_number + i`, over `graph` or a graph by brute
  // force. Extents are taken two apart and last first, so that they are neither adjacent nor
  // ascending.
  DirectoryEntry& add_segment(const Rows& rows, uint32_t first_number = 0) {
    return add_segment(rows, brute_force_graph(rows, metapage_.metric, metapage_.m), first_number);
  }

  DirectoryEntry& add_segment(const Rows& rows, const Graph& graph, uint32_t first_number = 0) {
    SegmentHeader header =
        plan_segment({metapage_.next_id, rows.dimensions, metapage_.metric, metapage_.m, 100,
                      rows.count(), static_cast<uint32_t>(graph.entry_points.size()), own_vector});
    std::vector<uint32_t> extents(header.extents);
    for (uint32_t& extent : extents) {
      extent = next_extent_;
      next_extent_ += 2;
    }
    std::reverse(extents.begin(), extents.end());
    std::vector<Tid> tids;
    for (uint32_t i = 0; i < rows.count(); i++) {
      tids.push_back(tid_of(first_number + i));
    }
    RowsInOrder vectors(rows);
    SegmentSink sink(pages, header.id, extents);
    const RowStore rotated = rotate(rows, header);
    write_segment({header, extents, graph, tids, vectors, &rotated}, sink);
    pages_written_ = sink.written();

    DirectoryEntry& entry = add_entry(MemberKind::kGraphSegment, extents[0] * kExtentPages);
    entry.extents = header.extents;
    entry.rows = header.rows;
    entry.pages = header.pages;
    return entry;
  }

  // Lays out an append chain by hand, page by page. Row i is number `first_number + i`.
  // The groups of `uncoded_rows`, the last, have no codes, as if the appender had not come to them.
  DirectoryEntry& add_append_chain(const Rows& rows, uint32_t first_number = 0,
                                   uint32_t uncoded_rows = 0) {
    AppendLayout layout = make_append_layout(rows.dimensions);
    BlockNo header_block = take_block();
    DirectoryEntry& entry = add_entry(MemberKind::kAppendChain, header_block);
    AppendChainHeader header{entry.id, kNoBlock, kNoBlock, 0, 0};
    ChainCodes codes(metapage_.metric, rows.dimensions);
    const uint32_t coded = has_append_codes(metapage_.metric, layout)
                               ? (rows.count() - uncoded_rows) / kAppendGroupRows
                               : 0;
    codes.groups = coded;
    if (coded > 0) {
      put_centroid(layout, entry.id, rows, &codes);
    }
    for (uint32_t first = 0; first < rows.count(); first += layout.capacity) {
      uint32_t count = std::min(layout.capacity, rows.count() - first);
      BlockNo block = take_block();
      put_entry_page(layout, entry.id, block, rows, {first, count, first_number}, &codes);
      if (header.tail == kNoBlock) {
        header.first = block;
      } else {
        pages.at<AppendEntriesHeader>(header.tail, 0).next = block;
      }
      header.tail = block;
    }
    pages.put(header_block, PageKind::kAppendHeader, entry.id,
              reinterpret_cast<const std::byte*>(&header), sizeof(header));
    return entry;
  }

  // Sets the tombstone of a row of a segment, as VACUUM does.
  void bury(DirectoryEntry& entry, Ordinal ordinal) {
    SegmentHeader header = pages.at<SegmentHeader>(entry.header_block, 0);
    BlockNo block = block_of(entry, header.tombstones.first + ordinal / kTombstonesPerPage);
    uint32_t bit = ordinal % kTombstonesPerPage;
    pages.at<uint8_t>(block, bit / 8) |= static_cast<uint8_t>(1u << bit % 8);
    entry.dead_rows++;
  }

  // Block of a logical page of a segment whose extents are all apart from each other.
  BlockNo block_of(const DirectoryEntry& entry, uint32_t logical) {
    const auto run = pages.at<ExtentRun>(
        entry.header_block, sizeof(SegmentHeader) + (logical >> kExtentShift) *
                                                        static_cast<uint32_t>(sizeof(ExtentRun)));
    return run.first * kExtentPages + (logical & kExtentMask);
  }

  Metapage& metapage() { return metapage_; }
  uint32_t pages_written() const { return pages_written_; }

  MemoryPages pages;
  OwnVector own_vector = OwnVector::kChosen;  // of segments to come

 private:
  struct RowRange {
    uint32_t first, count, first_number;
  };

  DirectoryEntry& add_entry(MemberKind kind, BlockNo header_block) {
    DirectoryEntry& entry = metapage_.directory[metapage_.directory_count++];
    entry = DirectoryEntry{};
    entry.id = metapage_.next_id++;
    entry.kind = kind;
    entry.header_block = header_block;
    return entry;
  }

  BlockNo take_block() { return kExtentPages * next_extent_++; }

  // What the codes of a chain are made with; `groups` are still to be given codes.
  struct ChainCodes {
    ChainCodes(Metric metric, uint32_t dimensions) : encoder(metric, dimensions) {}
    AppendEncoder encoder;
    BlockNo centroid = kNoBlock;
    uint32_t groups = 0;
  };

  // Puts `bytes` into as many pages as they take; returns their blocks.
  std::vector<BlockNo> put_pages(PageKind kind, uint32_t id, const void* from, size_t bytes) {
    std::vector<BlockNo> blocks;
    for (size_t at = 0; at < bytes; at += kPagePayload) {
      blocks.push_back(take_block());
      pages.put(blocks.back(), kind, id, static_cast<const std::byte*>(from) + at,
                std::min<size_t>(kPagePayload, bytes - at));
    }
    return blocks;
  }

  void put_centroid(const AppendLayout& layout, uint32_t id, const Rows& rows, ChainCodes* codes) {
    codes->encoder.start_mean();
    for (uint32_t i = 0; i < kAppendGroupRows; i++) {
      codes->encoder.add_to_mean(rows.row(i));
    }
    codes->centroid = take_block();
    const auto* bytes = reinterpret_cast<const std::byte*>(codes->encoder.centroid());
    for (uint32_t at = 0, i = 0; at < layout.vector_bytes; at += kPagePayload, i++) {
      pages.put(codes->centroid + i, PageKind::kAppendCentroid, id, bytes + at,
                std::min(kPagePayload, layout.vector_bytes - at));
    }
  }

  // Codes of the first groups of an entry page; returns the blocks of their pages.
  std::vector<BlockNo> put_codes(const AppendLayout& layout, uint32_t id, const Rows& rows,
                                 uint32_t first_row, uint32_t groups, ChainCodes* codes) {
    std::vector<BlockNo> blocks;
    const uint32_t per_page = std::max(layout.groups_per_page, 1u);
    for (uint32_t first = 0; first < groups; first += per_page) {
      const uint32_t count = std::min(per_page, groups - first);
      std::vector<std::byte> area(size_t{count} * layout.group_bytes);
      for (uint32_t i = 0; i < count * kAppendGroupRows; i++) {
        if (i % kAppendGroupRows == 0) {
          codes->encoder.start_group(area.data() + i / kAppendGroupRows * layout.group_bytes);
        }
        codes->encoder.add(rows.row(first_row + first * kAppendGroupRows + i));
      }
      for (BlockNo block : put_pages(PageKind::kAppendCodes, id, area.data(), area.size())) {
        blocks.push_back(block);
      }
    }
    return blocks;
  }

  // One entry page, its vector pages and its code pages.
  void put_entry_page(const AppendLayout& layout, uint32_t id, BlockNo block, const Rows& rows,
                      RowRange range, ChainCodes* codes) {
    std::vector<std::byte> page(kPagePayload);
    std::vector<BlockNo> blocks;
    for (uint32_t i = 0; i < range.count; i++) {
      AppendEntry entry{tid_of(range.first_number + range.first + i), 0};
      std::memcpy(page.data() + layout.entries_offset + i * sizeof(entry), &entry, sizeof(entry));
    }
    uint32_t group = std::max(layout.vectors_per_page, 1u);
    for (uint32_t i = 0; i < range.count; i += group) {
      uint32_t vectors = std::min(group, range.count - i);
      for (BlockNo page_block : put_pages(PageKind::kAppendVectors, id, rows.row(range.first + i),
                                          size_t{vectors} * layout.vector_bytes)) {
        blocks.push_back(page_block);
      }
    }
    const uint32_t coded = std::min(codes->groups, range.count / kAppendGroupRows);
    codes->groups -= coded;
    const std::vector<BlockNo> code_blocks = put_codes(layout, id, rows, range.first, coded, codes);
    AppendEntriesHeader header{};
    header.id = id;
    header.next = kNoBlock;
    header.flags = kEntryPageOpen;
    header.rows = static_cast<uint16_t>(range.count);
    header.vector_pages = static_cast<uint32_t>(blocks.size());
    header.coded_groups = static_cast<uint16_t>(coded);
    header.centroid = codes->centroid;
    header.rows_before = range.first;
    std::memcpy(page.data(), &header, sizeof(header));
    if (!code_blocks.empty()) {
      std::memcpy(page.data() + layout.code_blocks_offset, code_blocks.data(),
                  code_blocks.size() * sizeof(BlockNo));
    }
    std::memcpy(page.data() + layout.blocks_offset, blocks.data(), blocks.size() * sizeof(BlockNo));
    pages.put(block, PageKind::kAppendEntries, id, page.data(), page.size());
  }

  Metapage metapage_;
  uint32_t next_extent_ = 1;
  uint32_t pages_written_ = 0;
};

}  // namespace vseg

#endif  // VSEG_TEST_UNIT_TEST_INDEX_H_
