#include "engine/segment/append_reader.h"

#include <cstring>
#include <limits>
#include <string>

#include "engine/common/errors.h"

#include "engine/common/engine_only.h"

namespace vseg {

AppendReader::AppendReader(PageSource& pages, const DirectoryEntry& entry, uint32_t dimensions)
    : pages_(pages),
      id_(entry.id),
      layout_(make_append_layout(dimensions)),
      page_(kPagePayload),
      vectors_(size_t{layout_.pages_per_vector} * kPagePayload) {
  AppendChainHeader header;
  pages_.copy(entry.header_block, {PageKind::kAppendHeader, id_}, page_.data());
  std::memcpy(&header, page_.data(), sizeof(header));
  if (header.id != id_) {
    throw CorruptIndexError(entry.header_block, "append chain header has another chain's number");
  }
  next_ = header.first;
}

bool AppendReader::next_page() {
  if (next_ == kNoBlock) {
    header_ = AppendEntriesHeader{};
    return false;
  }
  watch_for_loop();
  block_ = next_;
  vectors_block_ = kNoBlock;
  pages_.copy(block_, {PageKind::kAppendEntries, id_}, page_.data());
  std::memcpy(&header_, page_.data(), sizeof(header_));
  check_header();
  next_ = header_.next;
  return true;
}

// Brent's algorithm: a chain that runs in a loop comes back to the block remembered at the last
// power of two.
void AppendReader::watch_for_loop() {
  if (next_ == remembered_) {
    throw CorruptIndexError(next_, "append chain runs in a loop");
  }
  pages_read_++;
  if ((pages_read_ & (pages_read_ - 1)) == 0) {
    remembered_ = next_;
  }
}

void AppendReader::check_header() const {
  if (header_.id != id_) {
    throw CorruptIndexError(block_, "append entry page has another chain's number");
  }
  if (!is_possible(header_, layout_)) {
    throw CorruptIndexError(block_, "append entry page has an impossible number of rows");
  }
}

const AppendEntry& AppendReader::entry(uint32_t row) const {
  const auto* entries = reinterpret_cast<const AppendEntry*>(page_.data() + layout_.entries_offset);
  return entries[row];
}

BlockNo AppendReader::vector_block(uint32_t index) const {
  BlockNo block;
  std::memcpy(&block, page_.data() + layout_.blocks_offset + index * sizeof(BlockNo),
              sizeof(block));
  return block;
}

// Copies the vector page of that index, or the pages of the one vector that begins there.
void AppendReader::read_vectors(uint32_t index) {
  vectors_block_ = kNoBlock;
  for (uint32_t i = 0; i < layout_.pages_per_vector; i++) {
    BlockNo block = vector_block(index + i);
    if (block == kMetapageBlock || block == kNoBlock) {
      throw CorruptIndexError(block_, "append entry page has an impossible block number");
    }
    pages_.copy(block, {PageKind::kAppendVectors, id_}, vectors_.data() + size_t{i} * kPagePayload);
  }
  vectors_block_ = vector_block(index);
}

const float* AppendReader::vector(uint32_t row) {
  bool shared = layout_.vectors_per_page != 0;
  uint32_t index = shared ? row / layout_.vectors_per_page : row * layout_.pages_per_vector;
  uint32_t slot = shared ? row % layout_.vectors_per_page : 0;
  if (vectors_block_ == kNoBlock || vectors_block_ != vector_block(index)) {
    read_vectors(index);
  }
  return reinterpret_cast<const float*>(vectors_.data() + size_t{slot} * layout_.vector_bytes);
}

AppendSummary summarize_append_chain(PageSource& pages, const DirectoryEntry& entry,
                                     uint32_t dimensions) {
  AppendSummary summary{0, 0, 1};
  AppendReader reader(pages, entry, dimensions);
  while (reader.next_page()) {
    summary.rows += reader.rows();
    summary.pages += 1 + reader.vector_pages();
    for (uint32_t row = 0; row < reader.rows(); row++) {
      summary.dead_rows += (reader.entry(row).flags & kEntryDead) != 0;
    }
  }
  return summary;
}

}  // namespace vseg
