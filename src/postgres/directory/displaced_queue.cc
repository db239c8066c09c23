// See src/postgres/README.md for the protocol.
#include "postgres/directory/displaced_queue.h"

#include <algorithm>
#include <ctime>

extern "C" {
#include "access/transam.h"
}

#include "postgres/boundary/fault_point.h"
#include "postgres/pages/extents.h"
#include "postgres/directory/metapage.h"
#include "postgres/pages/pages.h"

namespace vseg {
namespace pg {
namespace {

constexpr PageExpectation kQueuePage = {PageKind::kDisplaced, 0};

Buffer lock_queue_page(Relation index, BlockNumber block) {
  Buffer buffer = read_locked(index, block, BUFFER_LOCK_EXCLUSIVE, kQueuePage);
  if (!is_possible(*payload_as<DisplacedPageHeader>(BufferGetPage(buffer)))) {
    raise_corrupt(index, block, "page of displaced space has impossible counts");
  }
  return buffer;
}

// Moves the first `count` of the metapage's list to the end of a page of the queue.
void move_to_page(Metapage* metapage, DisplacedPage* page, uint32_t count) {
  DisplacedSpace* end = metapage->displaced + metapage->displaced_count;
  std::copy_n(metapage->displaced, count, page->spaces + page->header.count);
  page->header.count = static_cast<uint16_t>(page->header.count + count);
  std::fill(std::move(metapage->displaced + count, end, metapage->displaced), end,
            DisplacedSpace{});
  metapage->displaced_count = static_cast<uint16_t>(metapage->displaced_count - count);
}

// One record: metapage and the queue's newest page. False where that is full.
bool fill_newest_page(Relation index) {
  GenericXLogState* record = GenericXLogStart(index);
  Metapage* metapage = nullptr;
  Buffer buffer = open_metapage_for_publish(index, record, &metapage);
  bool moved = false;
  Buffer newest = InvalidBuffer;
  if (metapage->displaced_tail != kNoBlock) {
    newest = lock_queue_page(index, metapage->displaced_tail);
    auto* page = payload_as<DisplacedPage>(GenericXLogRegisterBuffer(record, newest, 0));
    const uint32_t room = kDisplacedPerPage - page->header.count;
    if (room > 0) {
      stamp_listed(metapage);
      move_to_page(metapage, page, std::min<uint32_t>(room, metapage->displaced_count));
      moved = true;
    }
  }
  if (moved) {
    GenericXLogFinish(record);
  } else {
    GenericXLogAbort(record);
  }
  if (BufferIsValid(newest)) {
    UnlockReleaseBuffer(newest);
  }
  UnlockReleaseBuffer(buffer);
  return moved;
}

// One record: metapage, the new page, the page before it and, where that ends its extent, the
// allocation map.
void add_newest_page(Relation index) {
  GenericXLogState* record = GenericXLogStart(index);
  Metapage* metapage = nullptr;
  Buffer buffer = open_metapage_for_publish(index, record, &metapage);
  const BlockNumber before = metapage->displaced_tail;
  Buffer linking = InvalidBuffer;
  ExtentClaim claim = {0, InvalidBuffer};
  BlockNumber block = before + 1;
  if (before != kNoBlock) {
    linking = lock_queue_page(index, before);
  }
  if (before == kNoBlock || block % kExtentPages == 0) {
    claim = claim_extent(index, record);
    block = claim.extent * kExtentPages;
  }
  Buffer added = take_page(index, block);
  Page image = GenericXLogRegisterBuffer(record, added, GENERIC_XLOG_FULL_IMAGE);
  init_page(image, kQueuePage, sizeof(DisplacedPage));
  payload_as<DisplacedPage>(image)->header.next = kNoBlock;
  stamp_listed(metapage);
  move_to_page(metapage, payload_as<DisplacedPage>(image), metapage->displaced_count);
  metapage->displaced_tail = block;
  if (before == kNoBlock) {
    metapage->displaced_head = block;
  } else {
    payload_as<DisplacedPage>(GenericXLogRegisterBuffer(record, linking, 0))->header.next = block;
  }
  GenericXLogFinish(record);
  for (Buffer locked : {added, claim.map, linking, buffer}) {
    if (BufferIsValid(locked)) {
      UnlockReleaseBuffer(locked);
    }
  }
}

// Takes the oldest page, which is empty, out of the queue and, where it is the last one of its
// extent, gives that back. One record: metapage and allocation map. Nobody but who has PUBLISH
// reads the queue: its pages may be reused at once.
void unlink_oldest_page(Relation index, const DisplacedPage& page) {
  GenericXLogState* record = GenericXLogStart(index);
  Metapage* metapage = nullptr;
  Buffer buffer = open_metapage_for_publish(index, record, &metapage);
  const uint32_t extent = metapage->displaced_head / kExtentPages;
  metapage->displaced_head = page.header.next;
  if (page.header.next == kNoBlock) {
    metapage->displaced_tail = kNoBlock;
  }
  Buffer map = InvalidBuffer;
  if (page.header.next == kNoBlock || page.header.next / kExtentPages != extent) {
    map = release_extents(index, record, &extent, 1);
  }
  GenericXLogFinish(record);
  if (BufferIsValid(map)) {
    UnlockReleaseBuffer(map);
  }
  UnlockReleaseBuffer(buffer);
}

}  // namespace

void copy_displaced_page(Relation index, BlockNumber block, DisplacedPage* page) {
  Buffer buffer = read_locked(index, block, BUFFER_LOCK_SHARE, kQueuePage);
  *page = *payload_as<DisplacedPage>(BufferGetPage(buffer));
  UnlockReleaseBuffer(buffer);
  if (!is_possible(page->header)) {
    raise_corrupt(index, block, "page of displaced space has impossible counts");
  }
}

// The next transaction ID is read after the records that displaced the space: who has not begun by
// now reads the directory without it.
void stamp_listed(Metapage* metapage) {
  const uint64_t next = U64FromFullTransactionId(ReadNextFullTransactionId());
  for (uint32_t i = 0; i < metapage->displaced_count; i++) {
    if (metapage->displaced[i].removable_after == 0) {
      metapage->displaced[i].removable_after = next;
    }
  }
}

void make_room_for_displaced(Relation index, uint32_t count) {
  Assert(count <= kMaxDisplaced);
  for (;;) {
    Metapage metapage;
    read_metapage(index, &metapage);
    if (metapage.displaced_count + count <= kMaxDisplaced) {
      return;
    }
    if (!fill_newest_page(index)) {
      add_newest_page(index);
    }
    fault_point("displaced-moved");
  }
}

void list_displaced(Metapage* metapage, const DirectoryEntry& member, uint32_t pages) {
  Assert(metapage->displaced_count < kMaxDisplaced);
  metapage->displaced[metapage->displaced_count++] = {member.header_block, member.id, 0, pages,
                                                      static_cast<uint32_t>(time(nullptr))};
  metapage->displaced_members++;
  metapage->displaced_pages += pages;
}

// Under the metapage's lock no page leaves the queue.
bool oldest_displaced_at(Relation index, uint32_t* seconds) {
  Buffer buffer = read_locked(index, kMetapageBlock, BUFFER_LOCK_SHARE, {PageKind::kMeta, 0});
  bool found = false;
  visit_displaced(index, *payload_as<Metapage>(BufferGetPage(buffer)),
                  [&](const DisplacedSpace& space) {
                    *seconds = space.displaced_at;
                    found = true;
                    return false;
                  });
  UnlockReleaseBuffer(buffer);
  return found;
}

std::vector<uint32_t> displaced_queue_extents(Relation index, const Metapage& metapage) {
  std::vector<uint32_t> extents;
  DisplacedPage page;
  for (BlockNumber block = metapage.displaced_head; block != kNoBlock; block = page.header.next) {
    if (extents.empty() || extents.back() != block / kExtentPages) {
      extents.push_back(block / kExtentPages);
    }
    call_pg([&] { copy_displaced_page(index, block, &page); });
  }
  return extents;
}

Withdrawal withdraw_oldest(Relation index, GenericXLogState* record, uint32_t id) {
  Withdrawal withdrawal = {nullptr, {InvalidBuffer, InvalidBuffer}};
  withdrawal.buffers[0] = open_metapage_for_publish(index, record, &withdrawal.metapage);
  Metapage* metapage = withdrawal.metapage;
  DisplacedSpace space = {};
  if (metapage->displaced_head != kNoBlock) {
    withdrawal.buffers[1] = lock_queue_page(index, metapage->displaced_head);
    auto* page =
        payload_as<DisplacedPage>(GenericXLogRegisterBuffer(record, withdrawal.buffers[1], 0));
    if (page->header.first < page->header.count) {
      space = page->spaces[page->header.first++];
    }
  } else if (metapage->displaced_count > 0) {
    space = metapage->displaced[0];
    DisplacedSpace* end = metapage->displaced + metapage->displaced_count--;
    *std::move(metapage->displaced + 1, end, metapage->displaced) = DisplacedSpace{};
  }
  if (space.id != id) {
    raise_corrupt(index, kMetapageBlock, "displaced space is not in its order");
  }
  metapage->displaced_members--;
  metapage->displaced_pages -= std::min<uint64_t>(metapage->displaced_pages, space.pages);
  if (space.header_block < kExtentPages) {
    metapage->first_extent_members--;
  }
  return withdrawal;
}

void trim_displaced_queue(Relation index) {
  for (;;) {
    Metapage metapage;
    read_metapage(index, &metapage);
    if (metapage.displaced_head == kNoBlock) {
      return;
    }
    DisplacedPage page;
    copy_displaced_page(index, metapage.displaced_head, &page);
    if (page.header.first < page.header.count) {
      return;
    }
    unlink_oldest_page(index, page);
    fault_point("displaced-unlinked");
  }
}

}  // namespace pg
}  // namespace vseg
