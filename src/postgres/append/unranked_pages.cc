// See src/postgres/README.md for the protocol.
#include "postgres/append/unranked_pages.h"

#include <algorithm>

extern "C" {
#include "miscadmin.h"
#include "storage/predicate.h"
}

#include "postgres/boundary/fault_point.h"
#include "postgres/pages/extents.h"
#include "postgres/pages/pages.h"

namespace vseg {
namespace pg {
namespace {

constexpr PageExpectation kUnrankedPage = {PageKind::kUnranked, 0};

UnrankedPage* unranked(Page page) { return payload_as<UnrankedPage>(page); }

Buffer lock_page(Relation index, BlockNumber block) {
  Buffer buffer = read_locked(index, block, BUFFER_LOCK_EXCLUSIVE, kUnrankedPage);
  if (!is_possible(unranked(BufferGetPage(buffer))->header)) {
    raise_corrupt(index, block, "page of unranked rows has an impossible header");
  }
  return buffer;
}

// The first page and the one that takes rows, which may be the first; both exclusively locked, the
// first one first. Who has the first page's lock is the only one who adds rows.
struct LockedPages {
  Buffer first;
  Buffer room;
};

LockedPages lock_pages(Relation index, BlockNumber first_block) {
  Buffer first = lock_page(index, first_block);
  const BlockNumber room = unranked(BufferGetPage(first))->header.room;
  return {first, room == first_block ? first : lock_page(index, room)};
}

void unlock_pages(const LockedPages& pages) {
  if (pages.room != pages.first) {
    UnlockReleaseBuffer(pages.room);
  }
  UnlockReleaseBuffer(pages.first);
}

// The page is full, and has one behind it. One record: the first page.
void turn_to_next_page(Relation index, const LockedPages& pages) {
  GenericXLogState* record = GenericXLogStart(index);
  UnrankedPage* first = unranked(GenericXLogRegisterBuffer(record, pages.first, 0));
  first->header.room = unranked(BufferGetPage(pages.room))->header.next;
  GenericXLogFinish(record);
}

// The last page is full. One record: the first page, the last one, the new one and, where the
// extent is used up, the allocation map.
void link_new_page(Relation index, const LockedPages& pages) {
  GenericXLogState* record = GenericXLogStart(index);
  UnrankedPageHeader* first = &unranked(GenericXLogRegisterBuffer(record, pages.first, 0))->header;
  UnrankedPageHeader* last =
      pages.room == pages.first
          ? first
          : &unranked(GenericXLogRegisterBuffer(record, pages.room, 0))->header;
  check_next_page(index, BufferGetBlockNumber(pages.first), first->extent, first->extent_used);
  ExtentClaim claim = {first->extent, InvalidBuffer};
  if (first->extent_used == kExtentPages) {
    claim = claim_extent(index, record);
    first->extent = claim.extent;
    first->extent_used = 0;
  }
  const BlockNumber block = first->extent * kExtentPages + first->extent_used;
  Buffer added = take_page(index, block);
  init_unranked_page(GenericXLogRegisterBuffer(record, added, GENERIC_XLOG_FULL_IMAGE));
  first->extent_used++;
  first->room = block;
  last->next = block;
  GenericXLogFinish(record);
  UnlockReleaseBuffer(added);
  if (BufferIsValid(claim.map)) {
    UnlockReleaseBuffer(claim.map);
  }
}

// One record: the page.
void add_entries(Relation index, Buffer buffer, const UnrankedEntry* rows, uint32_t count) {
  GenericXLogState* record = GenericXLogStart(index);
  Page image = GenericXLogRegisterBuffer(record, buffer, 0);
  UnrankedPage* page = unranked(image);
  set_payload_bytes(image, unranked_bytes(page->header.count + count));
  std::copy_n(rows, count, page->entries + page->header.count);
  page->header.count += count;
  GenericXLogFinish(record);
}

// Adds some of the rows, or makes room for them.
uint32_t append_some(Relation index, BlockNumber first_block, const UnrankedEntry* rows,
                     size_t count) {
  const LockedPages pages = lock_pages(index, first_block);
  const UnrankedPageHeader& header = unranked(BufferGetPage(pages.room))->header;
  const auto added =
      static_cast<uint32_t>(std::min<size_t>(count, kUnrankedPerPage - header.count));
  if (added > 0) {
    add_entries(index, pages.room, rows, added);
  } else if (header.next != kNoBlock) {
    turn_to_next_page(index, pages);
  } else {
    link_new_page(index, pages);
  }
  unlock_pages(pages);
  return added;
}

}  // namespace

void init_unranked_page(Page page) {
  init_page(page, kUnrankedPage, unranked_bytes(0));
  UnrankedPageHeader* header = &unranked(page)->header;
  header->next = kNoBlock;
  header->room = kUnrankedBlock;
  header->extent_used = kExtentPages;
}

void append_unranked(Relation index, BlockNumber first, const UnrankedEntry* rows, size_t count,
                     size_t* done) {
  *done = 0;
  while (*done < count) {
    CHECK_FOR_INTERRUPTS();
    *done += append_some(index, first, rows + *done, count - *done);
    fault_point("unranked-appended");
  }
  // index_insert checked for serializable readers before the rows were here to be missed.
  CheckForSerializableConflictIn(index, nullptr, InvalidBlockNumber);
}

uint32_t remove_unranked(Relation index, BlockNumber block, const std::vector<uint8>& dead) {
  Buffer buffer = lock_page(index, block);
  GenericXLogState* record = GenericXLogStart(index);
  Page image = GenericXLogRegisterBuffer(record, buffer, 0);
  UnrankedPage* page = unranked(image);
  uint32_t kept = 0;
  for (uint32_t i = 0; i < page->header.count; i++) {
    if (i >= dead.size() || dead[i] == 0) {
      page->entries[kept++] = page->entries[i];
    }
  }
  page->header.count = kept;
  set_payload_bytes(image, unranked_bytes(kept));
  GenericXLogFinish(record);
  UnlockReleaseBuffer(buffer);
  return kept;
}

void set_unranked_room(Relation index, BlockNumber first, BlockNumber room) {
  Buffer buffer = lock_page(index, first);
  if (unranked(BufferGetPage(buffer))->header.room != room) {
    GenericXLogState* record = GenericXLogStart(index);
    unranked(GenericXLogRegisterBuffer(record, buffer, 0))->header.room = room;
    GenericXLogFinish(record);
  }
  UnlockReleaseBuffer(buffer);
}

}  // namespace pg
}  // namespace vseg
