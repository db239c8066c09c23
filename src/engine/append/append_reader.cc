#include "engine/append/append_reader.h"

#include <algorithm>
#include <cstring>

#include "engine/common/errors.h"

#include "engine/common/engine_only.h"

namespace vseg {
namespace {

AppendChainHeader read_chain_header(PageSource& pages, const DirectoryEntry& entry) {
  std::vector<std::byte> payload(kPagePayload);
  pages.copy(entry.header_block, {PageKind::kAppendHeader, entry.id}, payload.data());
  AppendChainHeader header;
  std::memcpy(&header, payload.data(), sizeof(header));
  if (header.id != entry.id) {
    throw CorruptIndexError(entry.header_block, "append chain header has another chain's number");
  }
  return header;
}

}  // namespace

void EntryPage::read(PageSource& pages, PageExpectation expected, BlockNo block,
                     const AppendLayout& layout) {
  block_ = block;
  entries_offset_ = layout.entries_offset;
  payload_.resize(kPagePayload);
  pages.copy(block, expected, payload_.data());
  std::memcpy(&header_, payload_.data(), sizeof(header_));
  if (header_.id != expected.owner) {
    throw CorruptIndexError(block, "append entry page has another chain's number");
  }
  if (!is_possible(header_, layout)) {
    throw CorruptIndexError(block, "append entry page has an impossible number of rows or codes");
  }
}

const AppendEntry& EntryPage::entry(uint32_t row) const {
  const auto* entries = reinterpret_cast<const AppendEntry*>(payload_.data() + entries_offset_);
  return entries[row];
}

BlockNo EntryPage::block_number(uint32_t offset, uint32_t index) const {
  BlockNo block;
  std::memcpy(&block, payload_.data() + offset + index * sizeof(BlockNo), sizeof(block));
  if (block == kMetapageBlock || block == kNoBlock) {
    throw CorruptIndexError(block_, "append entry page has an impossible block number");
  }
  return block;
}

AppendReader::AppendReader(PageSource& pages, const DirectoryEntry& entry, uint32_t dimensions)
    : pages_(pages),
      id_(entry.id),
      layout_(make_append_layout(dimensions)),
      vectors_{PageKind::kAppendVectors, layout_.vector_bytes, layout_.vectors_per_page,
               layout_.pages_per_vector, layout_.blocks_offset},
      codes_{PageKind::kAppendCodes, layout_.group_bytes, layout_.groups_per_page,
             layout_.pages_per_group, layout_.code_blocks_offset} {
  const AppendChainHeader header = read_chain_header(pages_, entry);
  next_ = header.first;
  first_extent_ = header.extent;
}

bool AppendReader::next_page() {
  if (next_ == kNoBlock) {
    page_ = EntryPage();
    return false;
  }
  if (loop_.has_met(next_)) {
    throw CorruptIndexError(next_, "append chain runs in a loop");
  }
  page_.read(pages_, {PageKind::kAppendEntries, id_}, next_, layout_);
  if (page_.rows_before() != rows_read_) {
    throw CorruptIndexError(next_, "append entry page is not the next one of its chain");
  }
  rows_read_ += page_.rows();
  next_ = page_.next();
  return true;
}

// A page that is full never changes, and no copy of it is needed. One that is to have more items
// may be changing: on a standby, where replay may have just read it, even what is counted.
const std::byte* AppendReader::read(const EntryPage& page, const Items& items, uint32_t item,
                                    uint32_t counted) {
  const PageExpectation expected = {items.kind, id_};
  const uint32_t number = items.first_page(item);
  const BlockNo first = page.block_number(items.blocks_offset, number);
  if (items.per_page != 0 && (number + 1) * items.per_page <= counted) {
    return pages_.pin(first, expected) + items.offset(item);
  }
  if (copied_first_ != first) {
    copied_first_ = kNoBlock;  // should a copy fail
    copied_.resize(size_t{items.pages_each} * kPagePayload);
    for (uint32_t i = 0; i < items.pages_each; i++) {
      pages_.copy(page.block_number(items.blocks_offset, number + i), expected,
                  copied_.data() + size_t{i} * kPagePayload);
    }
    copied_first_ = first;
  }
  return copied_.data() + items.offset(item);
}

void AppendReader::prefetch(const EntryPage& page, const Items& items, uint32_t item) {
  pages_.prefetch(page.block_number(items.blocks_offset, items.first_page(item)),
                  items.offset(item), std::min(items.bytes, kPagePayload));
}

const float* AppendReader::vector(const EntryPage& page, uint32_t row) {
  return reinterpret_cast<const float*>(read(page, vectors_, row, page.rows()));
}

const std::byte* AppendReader::codes(const EntryPage& page, uint32_t group) {
  return read(page, codes_, group, page.coded_groups());
}

void AppendReader::prefetch_vector(const EntryPage& page, uint32_t row) {
  prefetch(page, vectors_, row);
}

void AppendReader::prefetch_codes(const EntryPage& page, uint32_t group) {
  prefetch(page, codes_, group);
}

std::vector<float> AppendReader::centroid(const EntryPage& page) {
  const BlockNo first = page.centroid();
  std::vector<float> centroid(layout_.centroid_pages * kPagePayload / sizeof(float));
  auto* bytes = reinterpret_cast<std::byte*>(centroid.data());
  for (uint32_t i = 0; i < layout_.centroid_pages; i++) {
    pages_.copy(first + i, {PageKind::kAppendCentroid, id_}, bytes + size_t{i} * kPagePayload);
  }
  centroid.resize(layout_.vector_bytes / sizeof(float));
  return centroid;
}

std::vector<BlockNo> AppendReader::leads_to() const {
  std::vector<BlockNo> blocks;
  for (uint32_t i = 0; i < page_.vector_pages(); i++) {
    blocks.push_back(page_.block_number(layout_.blocks_offset, i));
  }
  for (uint32_t i = 0; i < code_pages(layout_, page_.coded_groups()); i++) {
    blocks.push_back(page_.block_number(layout_.code_blocks_offset, i));
  }
  for (uint32_t i = 0; page_.centroid() != kNoBlock && i < layout_.centroid_pages; i++) {
    blocks.push_back(page_.centroid() + i);
  }
  return blocks;
}

AppendSummary summarize_append_chain(PageSource& pages, const DirectoryEntry& entry,
                                     uint32_t dimensions) {
  AppendSummary summary{0, 0, 1, true};
  AppendReader reader(pages, entry, dimensions);
  BlockNo centroid = kNoBlock;
  while (reader.next_page()) {
    const EntryPage& page = reader.page();
    summary.rows += page.rows();
    summary.pages += 1 + page.vector_pages() + code_pages(reader.layout(), page.coded_groups());
    for (uint32_t row = 0; row < page.rows(); row++) {
      summary.dead_rows += (page.entry(row).flags & kEntryDead) != 0;
    }
    centroid = page.centroid();
    summary.open = page.open();
  }
  summary.pages += centroid != kNoBlock ? reader.layout().centroid_pages : 0;
  return summary;
}

UnsealedRows count_chain_rows(PageSource& pages, const DirectoryEntry& entry, uint32_t dimensions,
                              uint16_t clock) {
  const AppendLayout layout = make_append_layout(dimensions);
  const PageExpectation expected = {PageKind::kAppendEntries, entry.id};
  BlockNo block = read_chain_header(pages, entry).tail;
  if (block == kNoBlock) {
    return {};
  }
  EntryPage page;
  page.read(pages, expected, block, layout);
  while (page.next() != kNoBlock) {
    const uint64_t rows = page.rows_before() + page.rows();
    block = page.next();
    // Every page but the tail has rows: the count grows, and damage cannot make a loop.
    const bool empty = page.rows() == 0;
    page.read(pages, expected, block, layout);
    if (empty || page.rows_before() != rows) {
      throw CorruptIndexError(block, "append entry page is not the next one of its chain");
    }
  }
  return {page.rows_before() + page.rows(), seconds_since(page.appended_at(), clock)};
}

}  // namespace vseg
