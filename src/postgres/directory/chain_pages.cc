#include "postgres/directory/chain_pages.h"

namespace vseg {
namespace pg {

void init_chain_header(Page page, const ChainPosition& position) {
  init_page(page, {PageKind::kAppendHeader, position.id}, sizeof(AppendChainHeader));
  auto* header = payload_as<AppendChainHeader>(page);
  header->id = position.id;
  header->first = kNoBlock;
  header->tail = kNoBlock;
  header->extent = position.extent;
  header->extent_used = position.extent_used;
}

void leave_to_segment(Relation index, uint32_t pages) {
  GenericXLogState* record = GenericXLogStart(index);
  Buffer buffer = read_locked(index, kFirstChainBlock, BUFFER_LOCK_EXCLUSIVE,
                              {PageKind::kAppendHeader, kFirstChainId});
  payload_as<AppendChainHeader>(GenericXLogRegisterBuffer(record, buffer, 0))->extent_used = pages;
  GenericXLogFinish(record);
  UnlockReleaseBuffer(buffer);
}

void init_entry_page(Page page, const ChainPosition& position, const AppendLayout& layout) {
  init_page(page, {PageKind::kAppendEntries, position.id}, layout.blocks_offset);
  auto* header = payload_as<AppendEntriesHeader>(page);
  header->id = position.id;
  header->next = kNoBlock;
  header->flags = kEntryPageOpen;
  header->extent = position.extent;
  header->extent_used = position.extent_used;
  header->centroid = kNoBlock;
}

BlockNumber tail_hint(Relation index, const ChainRef& chain) {
  Buffer buffer = read_locked(index, chain.header_block, BUFFER_LOCK_SHARE,
                              {PageKind::kAppendHeader, chain.id});
  const BlockNumber tail = payload_as<AppendChainHeader>(BufferGetPage(buffer))->tail;
  UnlockReleaseBuffer(buffer);
  return tail;
}

}  // namespace pg
}  // namespace vseg
