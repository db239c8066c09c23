#include "postgres/storage/chain_pages.h"

#include "postgres/storage/pages.h"

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

}  // namespace pg
}  // namespace vseg
