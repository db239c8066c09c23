// See README.md beside this file for the protocol.
#include "postgres/storage/append_chain.h"

#include <algorithm>
#include <cstring>

extern "C" {
#include "storage/predicate.h"
}

#include "engine/format/append_format.h"
#include "postgres/compaction/fault_point.h"
#include "postgres/storage/append_codes.h"
#include "postgres/storage/append_tail.h"
#include "postgres/storage/chain_pages.h"
#include "postgres/storage/directory.h"
#include "postgres/storage/extents.h"
#include "postgres/storage/metapage.h"
#include "postgres/storage/pages.h"

namespace vseg {
namespace pg {
namespace {

PageExpectation header_page(const Appender& a) { return {PageKind::kAppendHeader, a.chain_id}; }
PageExpectation entries_page(const Appender& a) { return {PageKind::kAppendEntries, a.chain_id}; }
PageExpectation vectors_page(const Appender& a) { return {PageKind::kAppendVectors, a.chain_id}; }

AppendEntry* entries(const Appender& a, AppendEntriesHeader* page) {
  return reinterpret_cast<AppendEntry*>(reinterpret_cast<char*>(page) + a.layout.entries_offset);
}

// Where a damaged page would have the next pages taken from must not be believed: the index would
// be extended up to there.
void check_next_page(const Appender& a, BlockNumber found_in, uint32_t extent, uint32_t used) {
  if (used > kExtentPages ||
      (uint64_t{extent} * kExtentPages + used >= RelationGetNumberOfBlocks(a.index) &&
       !is_allocated(a.index, extent))) {
    raise_corrupt(a.index, found_in, "append chain takes its next page from an impossible place");
  }
}

void check_tail(const Appender& a) {
  const BlockNumber block = BufferGetBlockNumber(a.tail);
  const auto* header = tail_header(a);
  if (header->id != a.chain_id) {
    raise_corrupt(a.index, block, "append entry page has another chain's number");
  }
  if (!is_possible(*header, a.layout)) {
    raise_corrupt(a.index, block, "append entry page has an impossible number of rows or codes");
  }
  check_next_page(a, block, header->extent, header->extent_used);
}

// Makes the chain's first entry page, unless another backend was faster. One record.
void start_chain(const Appender& a) {
  Buffer chain = read_locked(a.index, a.header_block, BUFFER_LOCK_EXCLUSIVE, header_page(a));
  if (payload_as<AppendChainHeader>(BufferGetPage(chain))->first != kNoBlock) {
    UnlockReleaseBuffer(chain);
    return;
  }
  GenericXLogState* record = GenericXLogStart(a.index);
  auto* header = payload_as<AppendChainHeader>(GenericXLogRegisterBuffer(record, chain, 0));
  check_next_page(a, a.header_block, header->extent, header->extent_used);
  const BlockNumber block = header->extent * kExtentPages + header->extent_used;
  Buffer first = take_page(a.index, block);
  init_entry_page(GenericXLogRegisterBuffer(record, first, GENERIC_XLOG_FULL_IMAGE),
                  {a.chain_id, header->extent, header->extent_used + 1}, a.layout);
  header->first = block;
  header->tail = block;
  GenericXLogFinish(record);
  UnlockReleaseBuffer(first);
  UnlockReleaseBuffer(chain);
}

void use_chain(Appender* a, const ChainRef& chain) {
  a->chain_id = chain.id;
  a->header_block = chain.header_block;
  a->coding.centroid_known = false;  // each chain has its own
}

// The chain has been closed since the directory was read, which lists another by now. Our
// transaction, which began before, has kept the closed chain's pages from being reused meanwhile.
void turn_to_append_chain(Appender* a) {
  Metapage metapage;
  read_metapage(a->index, &metapage);
  const ChainRef chain = own_append_chain(a->index, metapage);
  if (chain.id == a->chain_id) {
    raise_corrupt(a->index, a->header_block, "append chain in use is frozen");
  }
  use_chain(a, chain);
}

// How often this backend finds an index's tails locked by others: up by 3 for one that is, down by
// 1 for one that is free. So it grows where more than every fourth is locked; searches and VACUUM,
// which hold a tail for the moment of a copy, do not bring it up to kContended.
struct Contention {
  Oid index;
  int level;
};
constexpr int kContended = 24;

// Of a few indexes, each at the place its OID gives it: a table's are used in turns.
Contention contentions[8] = {};

int& contention(Relation index) {
  const Oid oid = RelationGetRelid(index);
  Contention& place = contentions[oid % lengthof(contentions)];
  if (place.index != oid) {
    place = {oid, 0};
  }
  return place.level;
}

// Rather than to wait for others all the time, takes a chain that nobody else uses yet.
void leave_contended_chain(Appender* a) {
  contention(a->index) = 0;
  if (!a->may_list_chain || !try_lock_index(a->index, IndexLock::kPublish)) {
    return;
  }
  ChainRef chain;
  if (list_append_chain(a->index, &chain)) {
    use_chain(a, chain);
  } else {
    a->may_list_chain = false;
  }
  unlock_index(a->index, IndexLock::kPublish);
}

Buffer lock_entry_page(const Appender& a, BlockNumber block) {
  bool waited = false;
  Buffer buffer = read_locked_exclusively(a.index, block, entries_page(a), &waited);
  int& level = contention(a.index);
  level = waited ? level + 3 : std::max(level - 1, 0);
  if (is_fault_point("tail-contended")) {
    level = kContended;
  }
  return buffer;
}

// Locks the chain's tail exclusively; false, and nothing is locked, if it is closed.
bool lock_tail(Appender* a) {
  const ChainRef chain = {a->chain_id, a->header_block};
  BlockNumber hint = tail_hint(a->index, chain);
  if (hint == kNoBlock) {
    start_chain(*a);
    hint = tail_hint(a->index, chain);
  }
  a->tail =
      lock_last_page(a->index, hint, [&](BlockNumber block) { return lock_entry_page(*a, block); });
  check_tail(*a);
  if ((tail_header(*a)->flags & kEntryPageOpen) != 0) {
    return true;
  }
  UnlockReleaseBuffer(a->tail);
  return false;
}

// Links a new tail behind the full one and locks it instead. One record: old tail, new tail, chain
// header and, where the extent is used up, the allocation map.
void link_new_tail(Appender* a) {
  GenericXLogState* record = GenericXLogStart(a->index);
  auto* old = payload_as<AppendEntriesHeader>(GenericXLogRegisterBuffer(record, a->tail, 0));
  ExtentClaim claim = {old->extent, InvalidBuffer};
  uint32_t used = old->extent_used;
  if (used == kExtentPages) {
    claim = claim_extent(a->index, record);
    used = 0;
  }
  const BlockNumber block = claim.extent * kExtentPages + used;
  Buffer next = take_page(a->index, block);
  Page next_page = GenericXLogRegisterBuffer(record, next, GENERIC_XLOG_FULL_IMAGE);
  init_entry_page(next_page, {a->chain_id, claim.extent, used + 1}, a->layout);
  auto* fresh = payload_as<AppendEntriesHeader>(next_page);
  fresh->centroid = old->centroid;
  fresh->rows_before = old->rows_before + old->rows;
  old->next = block;
  Buffer chain = ReadBuffer(a->index, a->header_block);
  LockBuffer(chain, BUFFER_LOCK_EXCLUSIVE);
  payload_as<AppendChainHeader>(GenericXLogRegisterBuffer(record, chain, 0))->tail = block;
  GenericXLogFinish(record);
  UnlockReleaseBuffer(chain);
  if (BufferIsValid(claim.map)) {
    UnlockReleaseBuffer(claim.map);
  }
  UnlockReleaseBuffer(a->tail);
  a->tail = next;
  a->grown = true;
  fault_point_under_lock("append-linked");
}

// Gives the tail a fresh extent to take pages from. One record: tail and allocation map.
void claim_for_tail(const Appender& a) {
  GenericXLogState* record = GenericXLogStart(a.index);
  auto* tail = payload_as<AppendEntriesHeader>(GenericXLogRegisterBuffer(record, a.tail, 0));
  const ExtentClaim claim = claim_extent(a.index, record);
  tail->extent = claim.extent;
  tail->extent_used = 0;
  GenericXLogFinish(record);
  UnlockReleaseBuffer(claim.map);
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
  for (uint32_t i = 0; i < pages; i++) {
    buffers[i] = take_page(a.index, first + i);
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

// Appends some of the rows, at least one, to the locked tail.
uint32_t append_some(Appender* a, const AppendRow* rows, size_t count) {
  if (tail_header(*a)->rows >= a->layout.capacity) {
    code_groups(a);  // an appender before us may have failed to
    link_new_tail(a);
  }
  if (a->layout.vectors_per_page != 0 && tail_header(*a)->rows % a->layout.vectors_per_page != 0) {
    return append_to_last_page(*a, rows, count);
  }
  return append_to_new_pages(*a, rows, count);
}

}  // namespace

Buffer lock_from_tail(const Appender& a, BlockNumber block, int mode, PageExpectation expected) {
  if (block == BufferGetBlockNumber(a.tail)) {
    raise_corrupt(a.index, block, "append entry page lists itself");
  }
  return read_locked(a.index, block, mode, expected);
}

BlockNumber reserve_pages(const Appender& a, uint32_t pages) {
  const auto* tail = tail_header(a);
  if (kExtentPages - tail->extent_used < pages) {
    claim_for_tail(a);
  }
  return tail->extent * kExtentPages + tail->extent_used;
}

Appended append_rows(Relation index, const Metapage& metapage, const ChainRef& chain,
                     const RowsToAppend& rows) {
  Appender appender = {index,
                       chain.id,
                       chain.header_block,
                       metapage.metric,
                       metapage.dimensions,
                       make_append_layout(metapage.dimensions),
                       InvalidBuffer,
                       false,
                       0,
                       !rows.unseen && has_room_for_chain(metapage),
                       Coding{}};
  fault_point("append-begin");
  *rows.done = 0;
  while (*rows.done < rows.count) {
    // The lock is let go between batches, so that a long flush can be cancelled and VACUUM and
    // scans get their turn.
    if (contention(index) >= kContended) {
      leave_contended_chain(&appender);
    }
    while (!lock_tail(&appender)) {
      turn_to_append_chain(&appender);
    }
    // Everybody finds these rows from here on, whatever comes next.
    *rows.done += append_some(&appender, rows.rows + *rows.done, rows.count - *rows.done);
    fault_point_under_lock("append-entries");
    code_groups(&appender);
    fault_point_under_lock("append-codes");
    appender.rows = tail_header(appender)->rows_before + tail_header(appender)->rows;
    UnlockReleaseBuffer(appender.tail);
    fault_point("append-batch");
  }
  end_coding(&appender);
  // index_insert checked for serializable readers before the rows were here to be missed.
  CheckForSerializableConflictIn(index, nullptr, InvalidBlockNumber);
  return {{appender.chain_id, appender.header_block}, appender.rows, appender.grown};
}

}  // namespace pg
}  // namespace vseg
