// See src/postgres/README.md for the protocol.
#include "postgres/append/append_vectors.h"

#include <algorithm>
#include <cstring>
#include <ctime>

#include "engine/format/append_format.h"
#include "postgres/boundary/fault_point.h"
#include "postgres/pages/pages.h"

namespace vseg {
namespace pg {
namespace {

PageExpectation vectors_page(const Appender& a) { return {PageKind::kAppendVectors, a.chain_id}; }

AppendEntry* entries(const Appender& a, AppendEntriesHeader* page) {
  return reinterpret_cast<AppendEntry*>(reinterpret_cast<char*>(page) + a.layout.entries_offset);
}

// Adds the entries of `count` rows and the `pages` vector pages they bring to the tail's image.
void add_entries(const Appender& a, Page image, const AppendRow* rows, uint32_t count,
                 uint32_t pages) {
  auto* tail = payload_as<AppendEntriesHeader>(image);
  AppendEntry* entry = entries(a, tail) + tail->rows;
  for (uint32_t i = 0; i < count; i++) {
    entry[i].tid = rows[i].tid;
    entry[i].flags = 0;
  }
  BlockNo* blocks = vector_blocks(a, tail);
  const BlockNumber first = tail->extent * kExtentPages + tail->extent_used;
  for (uint32_t i = 0; i < pages; i++) {
    blocks[tail->vector_pages + i] = first + i;
  }
  tail->rows = static_cast<uint16_t>(tail->rows + count);
  tail->vector_pages += pages;
  tail->extent_used += pages;
  tail->appended_at = append_clock(time(nullptr));
  set_payload_bytes(image, a.layout.blocks_offset + tail->vector_pages * sizeof(BlockNo));
}

void put_vectors(const Appender& a, Page image, uint32_t slot, const AppendRow* rows,
                 uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    memcpy(payload(image) + (slot + i) * a.layout.vector_bytes, rows[i].vector,
           a.layout.vector_bytes);
  }
  set_payload_bytes(image, (slot + count) * a.layout.vector_bytes);
}

// Fills free slots of the last vector page. One record: tail and vector page.
uint32_t append_to_last_page(const Appender& a, const AppendRow* rows, size_t count) {
  auto* tail = tail_header(a);
  const uint32_t slot = tail->rows % a.layout.vectors_per_page;
  const auto n = static_cast<uint32_t>(std::min<size_t>(
      {count, size_t{a.layout.vectors_per_page} - slot, size_t{a.layout.capacity} - tail->rows}));
  const BlockNumber block = vector_blocks(a, tail)[tail->vector_pages - 1];
  Buffer vectors = lock_from_tail(a, block, BUFFER_LOCK_EXCLUSIVE, vectors_page(a));
  GenericXLogState* record = GenericXLogStart(a.index);
  put_vectors(a, GenericXLogRegisterBuffer(record, vectors, 0), slot, rows, n);
  add_entries(a, GenericXLogRegisterBuffer(record, a.tail, 0), rows, n, 0);
  GenericXLogFinish(record);
  UnlockReleaseBuffer(vectors);
  return n;
}

// One new vector page and its entries, in one record: what a small transaction writes.
void append_one_page(const Appender& a, BlockNumber block, const AppendRow* rows, uint32_t count) {
  Buffer vectors = take_page(a.index, block);
  GenericXLogState* record = GenericXLogStart(a.index);
  Page image = GenericXLogRegisterBuffer(record, vectors, GENERIC_XLOG_FULL_IMAGE);
  init_page(image, vectors_page(a), 0);
  put_vectors(a, image, 0, rows, count);
  add_entries(a, GenericXLogRegisterBuffer(record, a.tail, 0), rows, count, 1);
  GenericXLogFinish(record);
  UnlockReleaseBuffer(vectors);
}

// Page `page` of the vector pages that `count` rows fill, packed or spanning.
void fill_vector_page(const Appender& a, Page image, uint32_t page, const AppendRow* rows,
                      uint32_t count) {
  init_page(image, vectors_page(a), 0);
  const AppendLayout& layout = a.layout;
  if (layout.vectors_per_page != 0) {
    const uint32_t first = page * layout.vectors_per_page;
    put_vectors(a, image, 0, rows + first, std::min(layout.vectors_per_page, count - first));
    return;
  }
  const uint32_t offset = page % layout.pages_per_vector * kPagePayload;
  const uint32_t bytes = std::min(kPagePayload, layout.vector_bytes - offset);
  const auto* vector = reinterpret_cast<const char*>(rows[page / layout.pages_per_vector].vector);
  memcpy(payload(image), vector + offset, bytes);
  set_payload_bytes(image, bytes);
}

// Vector pages first, up to 32 full images in a record; then their entries, in another. A crash in
// between leaves pages behind the tail's extent_used, which the next append overwrites.
void append_many_pages(const Appender& a, BlockNumber first, uint32_t pages, const AppendRow* rows,
                       uint32_t count) {
  Buffer buffers[kMaxPagesPerRecord];
  take_pages(a.index, first, pages, buffers);
  for (uint32_t i = 0; i < pages; i++) {
    fill_vector_page(a, BufferGetPage(buffers[i]), i, rows, count);
  }
  log_and_release_new_pages(a.index, buffers, static_cast<int>(pages));
  fault_point_under_lock("append-vectors");

  GenericXLogState* record = GenericXLogStart(a.index);
  add_entries(a, GenericXLogRegisterBuffer(record, a.tail, 0), rows, count, pages);
  GenericXLogFinish(record);
}

// Appends rows with new vector pages; returns how many.
uint32_t append_to_new_pages(const Appender& a, const AppendRow* rows, size_t count) {
  const auto* tail = tail_header(a);
  const AppendLayout& layout = a.layout;
  const uint32_t per_page = layout.vectors_per_page;
  const BlockNumber first = reserve_pages(a, layout.pages_per_vector);
  const uint32_t room = std::min<uint32_t>(kExtentPages - tail->extent_used, kMaxPagesPerRecord);
  const uint32_t fit = per_page != 0 ? room * per_page : room / layout.pages_per_vector;
  const auto n = static_cast<uint32_t>(
      std::min<size_t>({count, size_t{fit}, size_t{layout.capacity} - tail->rows}));
  const uint32_t pages =
      per_page != 0 ? (n + per_page - 1) / per_page : n * layout.pages_per_vector;
  if (pages == 1) {
    append_one_page(a, first, rows, n);
  } else {
    append_many_pages(a, first, pages, rows, n);
  }
  return n;
}

}  // namespace

uint32_t append_to_tail(const Appender& a, const AppendRow* rows, size_t count) {
  const uint32_t per_page = a.layout.vectors_per_page;
  if (per_page != 0 && tail_header(a)->rows % per_page != 0) {
    return append_to_last_page(a, rows, count);
  }
  return append_to_new_pages(a, rows, count);
}

}  // namespace pg
}  // namespace vseg
