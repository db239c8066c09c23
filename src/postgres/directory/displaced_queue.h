// Displaced space in the order in which it was displaced: the newest in the metapage, what that has
// no room for in a queue of pages.
#ifndef VSEG_POSTGRES_DIRECTORY_DISPLACED_QUEUE_H_
#define VSEG_POSTGRES_DIRECTORY_DISPLACED_QUEUE_H_

#include "postgres/boundary/guard.h"

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/format/metapage_format.h"

namespace vseg {
namespace pg {

// Makes the metapage's list have room for `count` more, at most kMaxDisplaced: moves what it has to
// the queue, stamped, in a record for each page. REQUIRES: PUBLISH.
void make_room_for_displaced(Relation index, uint32_t count);

// Notes in the image of the metapage that the space of a member, `pages` pages, is displaced.
// REQUIRES: room.
void list_displaced(Metapage* metapage, const DirectoryEntry& member, uint32_t pages);

// Stamps in the image of the metapage what is not stamped yet.
void stamp_listed(Metapage* metapage);

// Calls `visit` with each displaced space, oldest first, until it returns false. REQUIRES: PUBLISH.
// `visit` must neither throw nor raise errors.
template <typename Visit>
void visit_displaced(Relation index, const Metapage& metapage, Visit&& visit);

// When the oldest displaced space was displaced, in seconds since 1970; false where there is none.
bool oldest_displaced_at(Relation index, uint32_t* seconds);

// Extents that the queue's pages are in. REQUIRES: PUBLISH.
std::vector<uint32_t> displaced_queue_extents(Relation index, const Metapage& metapage);

// Takes the oldest displaced space out of the list, in a record that the caller finishes: the
// metapage and, where it is in the queue, the queue's page. REQUIRES: PUBLISH, and that `id` is its
// member.
struct Withdrawal {
  Metapage* metapage;  // the image
  Buffer buffers[2];   // to be unlocked and released; the second may be invalid
};
Withdrawal withdraw_oldest(Relation index, GenericXLogState* record, uint32_t id);

// Gives back pages of the queue that have no entries any more. REQUIRES: PUBLISH.
void trim_displaced_queue(Relation index);

// The image of a page of the queue, checked.
void copy_displaced_page(Relation index, BlockNumber block, DisplacedPage* page);

template <typename Visit>
void visit_displaced(Relation index, const Metapage& metapage, Visit&& visit) {
  DisplacedPage page;
  for (BlockNumber block = metapage.displaced_head; block != kNoBlock; block = page.header.next) {
    copy_displaced_page(index, block, &page);
    for (uint32_t i = page.header.first; i < page.header.count; i++) {
      if (!visit(page.spaces[i])) {
        return;
      }
    }
  }
  for (uint32_t i = 0; i < metapage.displaced_count; i++) {
    if (!visit(metapage.displaced[i])) {
      return;
    }
  }
}

}  // namespace pg
}  // namespace vseg

#endif  // VSEG_POSTGRES_DIRECTORY_DISPLACED_QUEUE_H_
