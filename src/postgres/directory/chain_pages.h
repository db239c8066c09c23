// Pages of append chains and flat runs: making new ones, finding the last one.
#ifndef VSEG_POSTGRES_DIRECTORY_CHAIN_PAGES_H_
#define VSEG_POSTGRES_DIRECTORY_CHAIN_PAGES_H_

#include "postgres/boundary/postgres_headers.h"

#include "engine/format/append_format.h"
#include "postgres/directory/metapage.h"
#include "postgres/pages/pages.h"

namespace vseg {
namespace pg {

// Whose page it is, and where the next page after it is taken from.
struct ChainPosition {
  uint32_t id;
  uint32_t extent;
  uint32_t extent_used;  // blocks of the extent taken, up to and with the page itself
};

// Fills the header page of an empty chain.
void init_chain_header(Page page, const ChainPosition& position);

// Has the index's first chain, which is empty, take its pages behind the first `pages` of extent 0,
// where a build has put its first segment: from another extent, where it takes up all of it.
void leave_to_segment(Relation index, uint32_t pages);

// Fills an entry page without rows, open for them.
void init_entry_page(Page page, const ChainPosition& position, const AppendLayout& layout);

// The chain's tail, or a page before it, since others may have linked pages; kNoBlock if the chain
// has no entry page.
BlockNumber tail_hint(Relation index, const ChainRef& chain);

// The chain's last entry page, locked by `lock`, from `block` on along `next`; `lock` gets a block
// and returns the buffer, locked exclusively and checked.
template <typename Lock>
Buffer lock_last_page(Relation index, BlockNumber block, Lock&& lock) {
  for (BlockNumber steps = 0;; steps++) {
    CHECK_FOR_INTERRUPTS();
    Buffer buffer = lock(block);
    const BlockNumber next = payload_as<AppendEntriesHeader>(BufferGetPage(buffer))->next;
    if (next == kNoBlock) {
      return buffer;
    }
    if (steps > RelationGetNumberOfBlocks(index)) {
      raise_corrupt(index, block, "append chain runs in a loop");
    }
    UnlockReleaseBuffer(buffer);
    block = next;
  }
}

}  // namespace pg
}  // namespace vseg

#endif  // VSEG_POSTGRES_DIRECTORY_CHAIN_PAGES_H_
