// See src/postgres/README.md for the protocol.
#include "postgres/append/append_chain.h"

extern "C" {
#include "storage/predicate.h"
}

#include "engine/format/append_format.h"
#include "postgres/boundary/fault_point.h"
#include "postgres/append/append_codes.h"
#include "postgres/append/append_tail.h"
#include "postgres/append/append_vectors.h"
#include "postgres/append/chain_choice.h"
#include "postgres/directory/chain_pages.h"
#include "postgres/directory/directory.h"
#include "postgres/pages/extents.h"
#include "postgres/directory/metapage.h"
#include "postgres/pages/pages.h"

namespace vseg {
namespace pg {
namespace {

PageExpectation header_page(const Appender& a) { return {PageKind::kAppendHeader, a.chain_id}; }
PageExpectation entries_page(const Appender& a) { return {PageKind::kAppendEntries, a.chain_id}; }

void check_tail(const Appender& a) {
  const BlockNumber block = BufferGetBlockNumber(a.tail);
  const auto* header = tail_header(a);
  if (header->id != a.chain_id) {
    raise_corrupt(a.index, block, "append entry page has another chain's number");
  }
  if (!is_possible(*header, a.layout)) {
    raise_corrupt(a.index, block, "append entry page has an impossible number of rows or codes");
  }
  check_next_page(a.index, block, header->extent, header->extent_used);
}

// Makes the chain's first entry page, unless another backend was faster. One record: chain header,
// the page and, where what the header names is used up, the allocation map.
void start_chain(const Appender& a) {
  Buffer chain = read_locked(a.index, a.header_block, BUFFER_LOCK_EXCLUSIVE, header_page(a));
  if (payload_as<AppendChainHeader>(BufferGetPage(chain))->first != kNoBlock) {
    UnlockReleaseBuffer(chain);
    return;
  }
  GenericXLogState* record = GenericXLogStart(a.index);
  auto* header = payload_as<AppendChainHeader>(GenericXLogRegisterBuffer(record, chain, 0));
  check_next_page(a.index, a.header_block, header->extent, header->extent_used);
  ExtentClaim claim = {header->extent, InvalidBuffer};
  uint32_t used = header->extent_used;
  if (used == kExtentPages) {
    claim = claim_extent(a.index, record);
    used = 0;
  }
  const BlockNumber block = claim.extent * kExtentPages + used;
  Buffer first = take_page(a.index, block);
  init_entry_page(GenericXLogRegisterBuffer(record, first, GENERIC_XLOG_FULL_IMAGE),
                  {a.chain_id, claim.extent, used + 1}, a.layout);
  header->first = block;
  header->tail = block;
  GenericXLogFinish(record);
  UnlockReleaseBuffer(first);
  if (BufferIsValid(claim.map)) {
    UnlockReleaseBuffer(claim.map);
  }
  UnlockReleaseBuffer(chain);
}

Buffer lock_entry_page(const Appender& a, BlockNumber block) {
  bool waited = false;
  Buffer buffer = read_locked_exclusively(a.index, block, entries_page(a), &waited);
  note_tail_lock(a.index, waited);
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
  fresh->appended_at = old->appended_at;
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

// Appends some of the rows, at least one, to the locked tail.
uint32_t append_some(Appender* a, const AppendRow* rows, size_t count) {
  if (tail_header(*a)->rows >= a->layout.capacity) {
    code_groups(a);  // an appender before us may have failed to
    link_new_tail(a);
  }
  return append_to_tail(*a, rows, count);
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
    leave_contended_chain(&appender);
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
