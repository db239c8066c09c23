#include "postgres/pages/pages.h"

#include <cstring>

#include "engine/common/errors.h"
#include "postgres/pages/file_extension.h"

namespace vseg {
namespace pg {
namespace {

PageTrailer* trailer(Page page) {
  return reinterpret_cast<PageTrailer*>(static_cast<char*>(page) + kPageSize - kPageTrailerSize);
}

// Lets go of `previous` and pins `block`, without a look-up if it still is in buffer `hint`.
Buffer pin_instead(Relation index, Buffer previous, BlockNumber block, Buffer hint) {
  if (BufferIsValid(hint)) {
    if (hint == previous && BufferGetBlockNumber(previous) == block) {
      return previous;
    }
    if (ReadRecentBuffer(index->rd_node, MAIN_FORKNUM, block, hint)) {
      count_hit(index, hint);
      if (BufferIsValid(previous)) {
        ReleaseBuffer(previous);
      }
      return hint;
    }
  }
  return ReleaseAndReadBuffer(previous, index, block);
}

}  // namespace

void init_page(Page page, PageExpectation what, size_t payload_bytes) {
  PageInit(page, BLCKSZ, kPageTrailerSize);
  PageTrailer* t = trailer(page);
  t->owner = what.owner;
  t->version = kFormatVersion;
  t->kind = static_cast<uint8_t>(what.kind);
  t->magic = kPageMagic;
  set_payload_bytes(page, payload_bytes);
}

void set_payload_bytes(Page page, size_t bytes) {
  reinterpret_cast<PageHeader>(page)->pd_lower =
      static_cast<LocationIndex>(kPageHeaderSize + bytes);
}

const char* page_problem(Page page, PageExpectation expected) {
  if (PageIsNew(page)) {
    return "page is empty";
  }
  const PageHeader header = reinterpret_cast<PageHeader>(page);
  const PageTrailer* t = trailer(page);
  if (header->pd_special != kPageSize - kPageTrailerSize || t->magic != kPageMagic) {
    return "page does not belong to a vseg index";
  }
  if (t->version != kFormatVersion) {
    return "page has an unknown format version";
  }
  if (t->kind != static_cast<uint8_t>(expected.kind)) {
    return "page is of an unexpected kind";
  }
  if (t->owner != expected.owner) {
    return "page belongs to another segment";
  }
  return nullptr;
}

void check_old_snapshot(Relation index, Page page, Snapshot snapshot) {
#if PG_VERSION_NUM < 170000
  TestForOldSnapshot(snapshot, index, page);
#else
  (void)index, (void)page, (void)snapshot;
#endif
}

void raise_corrupt(Relation index, BlockNumber block, const char* problem) {
  ereport(ERROR,
          (errcode(ERRCODE_INDEX_CORRUPTED),
           errmsg("vseg index \"%s\" is corrupted: %s", RelationGetRelationName(index), problem),
           errdetail("The error was found in block %u.", block), errhint("REINDEX the index.")));
  pg_unreachable();
}

void check_page(Relation index, Buffer buffer, PageExpectation expected) {
  const char* problem = page_problem(BufferGetPage(buffer), expected);
  if (problem != nullptr) {
    raise_corrupt(index, BufferGetBlockNumber(buffer), problem);
  }
}

Buffer read_locked(Relation index, BlockNumber block, int mode, PageExpectation expected) {
  if (block >= RelationGetNumberOfBlocks(index)) {
    raise_corrupt(index, block, "block lies beyond the end of the index");
  }
  Buffer buffer = ReadBuffer(index, block);
  LockBuffer(buffer, mode);
  check_page(index, buffer, expected);
  return buffer;
}

Buffer read_locked_exclusively(Relation index, BlockNumber block, PageExpectation expected,
                               bool* waited) {
  if (block >= RelationGetNumberOfBlocks(index)) {
    raise_corrupt(index, block, "block lies beyond the end of the index");
  }
  Buffer buffer = ReadBuffer(index, block);
  *waited = !ConditionalLockBuffer(buffer);
  if (*waited) {
    LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
  }
  check_page(index, buffer, expected);
  return buffer;
}

PageKind page_kind(Relation index, BlockNumber block) {
  if (block >= RelationGetNumberOfBlocks(index)) {
    raise_corrupt(index, block, "block lies beyond the end of the index");
  }
  Buffer buffer = ReadBuffer(index, block);
  LockBuffer(buffer, BUFFER_LOCK_SHARE);
  const auto kind = static_cast<PageKind>(trailer(BufferGetPage(buffer))->kind);
  const uint32_t owner = trailer(BufferGetPage(buffer))->owner;
  check_page(index, buffer, {kind, owner});
  UnlockReleaseBuffer(buffer);
  return kind;
}

Buffer take_page(Relation index, BlockNumber block, BufferAccessStrategy strategy) {
  extend_to_block(index, block, strategy);
  return ReadBufferExtended(index, MAIN_FORKNUM, block, RBM_ZERO_AND_LOCK, strategy);
}

void take_pages(Relation index, BlockNumber first, uint32_t count, Buffer* buffers) {
  extend_to_block(index, first + count - 1);
  for (uint32_t i = 0; i < count; i++) {
    buffers[i] = ReadBufferExtended(index, MAIN_FORKNUM, first + i, RBM_ZERO_AND_LOCK, nullptr);
  }
}

void log_and_release_new_pages(Relation index, const Buffer* buffers, int count) {
  Assert(count >= 1 && count <= kMaxPagesPerRecord);
  const bool needs_wal = RelationNeedsWAL(index);
  if (needs_wal) {
    XLogEnsureRecordSpace(count - 1, 0);
  }
  START_CRIT_SECTION();
  for (int i = 0; i < count; i++) {
    MarkBufferDirty(buffers[i]);
  }
  if (needs_wal) {
    XLogBeginInsert();
    for (int i = 0; i < count; i++) {
      XLogRegisterBuffer(static_cast<uint8>(i), buffers[i], REGBUF_FORCE_IMAGE | REGBUF_STANDARD);
    }
    const XLogRecPtr lsn = XLogInsert(RM_XLOG_ID, XLOG_FPI);
    for (int i = 0; i < count; i++) {
      PageSetLSN(BufferGetPage(buffers[i]), lsn);
    }
  }
  END_CRIT_SECTION();
  for (int i = 0; i < count; i++) {
    UnlockReleaseBuffer(buffers[i]);
  }
}

BufferPages::BufferPages(Relation index, BufferAccessStrategy strategy)
    : index_(index),
      strategy_(strategy),
      hints_(index->rd_node),
      blocks_(call_pg([&] { return RelationGetNumberOfBlocks(index); })) {}

void BufferPages::check_bounds(BlockNo block) {
  if (block < blocks_) {
    return;
  }
  // Append chains grow while a scan reads them.
  blocks_ = call_pg([&] { return RelationGetNumberOfBlocks(index_); });
  if (block >= blocks_) {
    throw CorruptIndexError(block, "block lies beyond the end of the index");
  }
}

Buffer BufferPages::pin_by_strategy(Buffer previous, BlockNumber block) {
  if (BufferIsValid(previous)) {
    if (BufferGetBlockNumber(previous) == block) {
      return previous;
    }
    ReleaseBuffer(previous);
  }
  return ReadBufferExtended(index_, MAIN_FORKNUM, block, RBM_NORMAL, strategy_);
}

// No content lock: pages that are pinned without one are complete before the directory, or the
// entry page, that leads to them, and never change while a scan that copied this may run (space is
// reused only after the horizon has passed it, on a standby after a recovery conflict).
const std::byte* BufferPages::pin(BlockNo block, PageExpectation expected) {
  check_bounds(block);
  const Buffer previous = pinned_;
  const Buffer hint = hints_.hint(block);
  pinned_ = InvalidBuffer;
  pinned_ = call_pg([&] {
    CHECK_FOR_INTERRUPTS();
    return strategy_ == nullptr ? pin_instead(index_, previous, block, hint)
                                : pin_by_strategy(previous, block);
  });
  hints_.remember(block, pinned_);
  Page page = BufferGetPage(pinned_);
  const char* problem = page_problem(page, expected);
  if (problem != nullptr) {
    throw CorruptIndexError(block, problem);
  }
  return reinterpret_cast<const std::byte*>(payload(page));
}

void BufferPages::copy(BlockNo block, PageExpectation expected, std::byte* out) {
  check_bounds(block);
  const char* problem = call_pg([&] {
    Buffer buffer = strategy_ == nullptr
                        ? pin_instead(index_, InvalidBuffer, block, hints_.hint(block))
                        : pin_by_strategy(InvalidBuffer, block);
    hints_.remember(block, buffer);
    LockBuffer(buffer, BUFFER_LOCK_SHARE);
    Page page = BufferGetPage(buffer);
    const char* wrong = page_problem(page, expected);
    if (wrong == nullptr) {
      check_old_snapshot(index_, page, snapshot_);
      memcpy(out, payload(page), kPagePayload);
    }
    UnlockReleaseBuffer(buffer);
    CHECK_FOR_INTERRUPTS();
    return wrong;
  });
  if (problem != nullptr) {
    throw CorruptIndexError(block, problem);
  }
}

void BufferPages::prefetch(BlockNo block, uint32_t offset, uint32_t bytes) {
  if (block >= blocks_) {
    return;
  }
  Buffer buffer = hints_.current(block);
  if (!BufferIsValid(buffer)) {
    buffer = call_pg([&] { return PrefetchBuffer(index_, MAIN_FORKNUM, block); }).recent_buffer;
    hints_.remember(block, buffer);
  }
  if (BufferIsValid(buffer)) {
    Page page = BufferGetPage(buffer);
    __builtin_prefetch(page);
    __builtin_prefetch(trailer(page));
    prefetch_lines(reinterpret_cast<const std::byte*>(payload(page)) + offset, bytes);
  }
}

void BufferPages::release() {
  const Buffer pinned = pinned_;
  pinned_ = InvalidBuffer;
  if (BufferIsValid(pinned)) {
    call_pg([&] { ReleaseBuffer(pinned); });
  }
}

}  // namespace pg
}  // namespace vseg
