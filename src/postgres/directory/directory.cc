// See src/postgres/README.md for the protocol.
#include "postgres/directory/directory.h"

#include <algorithm>

#include "engine/format/append_format.h"
#include "postgres/directory/chain_pages.h"
#include "postgres/directory/displaced_queue.h"
#include "postgres/pages/extents.h"
#include "postgres/directory/metapage.h"
#include "postgres/pages/pages.h"

namespace vseg {
namespace pg {
namespace {

DirectoryEntry* find_member(Metapage* metapage, uint32_t id) {
  for (uint32_t i = 0; i < metapage->directory_count; i++) {
    if (metapage->directory[i].id == id) {
      return &metapage->directory[i];
    }
  }
  return nullptr;
}

// Takes a member out of the directory; its space is displaced.
void displace(Relation index, Metapage* metapage, const ReplacedMember& member) {
  DirectoryEntry* entry = find_member(metapage, member.id);
  if (entry == nullptr) {
    elog(ERROR, "member %u of vseg index \"%s\" was replaced while it was merged", member.id,
         RelationGetRelationName(index));
  }
  list_displaced(metapage, *entry, member.pages);
  std::move(entry + 1, metapage->directory + metapage->directory_count, entry);
  metapage->directory[--metapage->directory_count] = DirectoryEntry{};
}

bool is_empty_chain(Relation index, const DirectoryEntry& chain) {
  Buffer buffer = read_locked(index, chain.header_block, BUFFER_LOCK_SHARE,
                              {PageKind::kAppendHeader, chain.id});
  const bool empty = payload_as<AppendChainHeader>(BufferGetPage(buffer))->first == kNoBlock;
  UnlockReleaseBuffer(buffer);
  return empty;
}

// Where a new chain begins.
struct ChainPlace {
  uint32_t extent;
  uint32_t header_page;  // of the extent
  Buffer map;            // locked, if the extent was claimed
};

// Behind the metapage, once the first chain and whoever followed it there are gone; else in an
// extent of its own, claimed in `record`.
ChainPlace place_chain(Relation index, GenericXLogState* record, const Metapage& metapage) {
  if (metapage.first_extent_members == 0) {
    return {0, kFirstChainBlock, InvalidBuffer};
  }
  const ExtentClaim claim = claim_extent(index, record);
  return {claim.extent, 0, claim.map};
}

// A chain that a record lists, and the pages that are locked until it is written.
struct NewChain {
  ChainRef chain;
  Buffer header;
  Buffer first;  // entry page, if it has one
  Buffer map;    // if an extent was claimed
};

ChainRef list_chain(Metapage* metapage, MemberKind kind, BlockNumber header_block) {
  DirectoryEntry entry = {};
  entry.id = metapage->next_id++;
  entry.kind = kind;
  entry.header_block = header_block;
  entry.born = metapage->generation;
  metapage->directory[metapage->directory_count++] = entry;
  metapage->first_extent_members += header_block < kExtentPages ? 1 : 0;
  return {entry.id, header_block};
}

// Lists an empty append chain in the directory's image and makes its header, both in `record`.
NewChain add_append_chain(Relation index, GenericXLogState* record, Metapage* metapage) {
  const ChainPlace place = place_chain(index, record, *metapage);
  const BlockNumber block = place.extent * kExtentPages + place.header_page;
  Buffer header = take_page(index, block);
  const ChainRef chain = list_chain(metapage, MemberKind::kAppendChain, block);
  init_chain_header(GenericXLogRegisterBuffer(record, header, GENERIC_XLOG_FULL_IMAGE),
                    {chain.id, place.extent, place.header_page + 1});
  return {chain, header, InvalidBuffer, place.map};
}

// Lists a flat run in the directory's image, and makes its header and its first entry page in an
// extent of its own, all in `record`, which has no room for more.
NewChain add_flat_run(Relation index, GenericXLogState* record, Metapage* metapage) {
  const ExtentClaim claim = claim_extent(index, record);
  const BlockNumber block = claim.extent * kExtentPages;
  const ChainRef run = list_chain(metapage, MemberKind::kFlatRun, block);
  Buffer header = take_page(index, block);
  Page header_page = GenericXLogRegisterBuffer(record, header, GENERIC_XLOG_FULL_IMAGE);
  init_chain_header(header_page, {run.id, claim.extent, 2});
  payload_as<AppendChainHeader>(header_page)->first = block + 1;
  payload_as<AppendChainHeader>(header_page)->tail = block + 1;
  Buffer first = take_page(index, block + 1);
  init_entry_page(GenericXLogRegisterBuffer(record, first, GENERIC_XLOG_FULL_IMAGE),
                  {run.id, claim.extent, 2}, make_append_layout(metapage->dimensions));
  return {run, header, first, claim.map};
}

void release(const NewChain& chain) {
  const Buffer buffers[] = {chain.header, chain.first, chain.map};
  for (Buffer buffer : buffers) {
    if (BufferIsValid(buffer)) {
      UnlockReleaseBuffer(buffer);
    }
  }
}

// Append chains to be frozen.
struct FilledChains {
  uint32_t ids[kMaxDirectoryEntries];
  uint32_t count;
};

// Those that have pages. Another one may get its first page at any time, and stays as it is.
FilledChains filled_chains(Relation index, const Metapage& metapage) {
  FilledChains filled = {};
  for (uint32_t i = 0; i < metapage.directory_count; i++) {
    const DirectoryEntry& entry = metapage.directory[i];
    if (entry.kind == MemberKind::kAppendChain && !is_empty_chain(index, entry)) {
      filled.ids[filled.count++] = entry.id;
    }
  }
  return filled;
}

// One record: metapage and, where no append chain is left, a new one's header, and the allocation
// map if an extent is claimed for it.
bool freeze(Relation index, const Metapage& current, const FilledChains& chains) {
  const bool last = chains.count == count_members(current, MemberKind::kAppendChain);
  if (chains.count == 0 || (last && current.directory_count >= kMaxDirectoryEntries)) {
    return false;
  }
  GenericXLogState* record = GenericXLogStart(index);
  Metapage* metapage = nullptr;
  Buffer buffer = open_metapage_for_publish(index, record, &metapage);
  for (uint32_t i = 0; i < chains.count; i++) {
    find_member(metapage, chains.ids[i])->kind = MemberKind::kFlatRun;
  }
  NewChain chain = {{}, InvalidBuffer, InvalidBuffer, InvalidBuffer};
  if (last) {
    chain = add_append_chain(index, record, metapage);
  }
  GenericXLogFinish(record);
  release(chain);
  UnlockReleaseBuffer(buffer);
  return true;
}

// What inserters list, how many of it at most, and how.
struct Listing {
  MemberKind kind;
  uint32_t most;
  NewChain (*add)(Relation index, GenericXLogState* record, Metapage* metapage);
};

constexpr Listing kChainListing = {MemberKind::kAppendChain, kMaxAppendChains, add_append_chain};
constexpr Listing kRunListing = {MemberKind::kFlatRun, kMaxRunsOfInserters, add_flat_run};

bool has_room_for(const Metapage& metapage, const Listing& listing) {
  return metapage.directory_count < kMaxMembersForInserters &&
         count_members(metapage, listing.kind) < listing.most;
}

// One record: metapage, the pages of the new member, and the allocation map if an extent is
// claimed.
bool list_for_inserters(Relation index, const Listing& listing, ChainRef* chain) {
  GenericXLogState* record = GenericXLogStart(index);
  Metapage* metapage = nullptr;
  Buffer buffer = open_metapage_for_publish(index, record, &metapage);
  if (!has_room_for(*metapage, listing)) {
    GenericXLogAbort(record);
    UnlockReleaseBuffer(buffer);
    return false;
  }
  const NewChain added = listing.add(index, record, metapage);
  GenericXLogFinish(record);
  release(added);
  UnlockReleaseBuffer(buffer);
  *chain = added.chain;
  return true;
}

}  // namespace

uint32_t reserve_member_id(Relation index) {
  GenericXLogState* record = GenericXLogStart(index);
  Buffer buffer = read_locked(index, kMetapageBlock, BUFFER_LOCK_EXCLUSIVE, {PageKind::kMeta, 0});
  auto* metapage = payload_as<Metapage>(GenericXLogRegisterBuffer(record, buffer, 0));
  const uint32_t id = metapage->next_id++;
  metapage->unpublished++;
  GenericXLogFinish(record);
  UnlockReleaseBuffer(buffer);
  return id;
}

bool has_room(const Metapage& metapage, uint32_t inputs, uint32_t outputs) {
  // One entry stays free for the chain that the next seal lists.
  return metapage.directory_count - inputs + outputs < kMaxDirectoryEntries;
}

void require_room(Relation index, const Metapage& metapage, uint32_t inputs, uint32_t outputs) {
  if (!has_room(metapage, inputs, outputs)) {
    ereport(ERROR,
            (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
             errmsg("directory of vseg index \"%s\" has no room", RelationGetRelationName(index)),
             errdetail("It lists %u members.", metapage.directory_count),
             errhint("Call vseg_compact with more maintenance_work_mem.")));
  }
}

void publish_segment(Metapage* metapage, const DirectoryEntry& segment) {
  DirectoryEntry* entry = &metapage->directory[metapage->directory_count++];
  *entry = segment;
  entry->born = metapage->generation;
  metapage->unpublished -= metapage->unpublished > 0 ? 1 : 0;
  metapage->first_extent_members += segment.header_block < kExtentPages ? 1 : 0;
}

void publish_replacement(Relation index, const Replacement& replacement) {
  make_room_for_displaced(index, replacement.input_count);
  GenericXLogState* record = GenericXLogStart(index);
  Metapage* metapage = nullptr;
  Buffer buffer = open_metapage_for_publish(index, record, &metapage);
  require_room(index, *metapage, replacement.input_count, replacement.output_count);
  for (uint32_t i = 0; i < replacement.input_count; i++) {
    displace(index, metapage, replacement.inputs[i]);
  }
  for (uint32_t i = 0; i < replacement.output_count; i++) {
    publish_segment(metapage, replacement.outputs[i]);
  }
  GenericXLogFinish(record);
  UnlockReleaseBuffer(buffer);
}

bool freeze_append_chains(Relation index) {
  Metapage current;
  read_metapage(index, &current);
  return freeze(index, current, filled_chains(index, current));
}

bool freeze_append_chain(Relation index, uint32_t id) {
  Metapage current;
  read_metapage(index, &current);
  FilledChains chains = filled_chains(index, current);
  uint32_t* end = chains.ids + chains.count;
  chains.count = std::find(chains.ids, end, id) != end ? 1 : 0;
  chains.ids[0] = id;
  return freeze(index, current, chains);
}

bool list_append_chain(Relation index, ChainRef* chain) {
  return list_for_inserters(index, kChainListing, chain);
}

bool has_room_for_chain(const Metapage& metapage) { return has_room_for(metapage, kChainListing); }

bool list_flat_run(Relation index, ChainRef* run) {
  return list_for_inserters(index, kRunListing, run);
}

void close_run(Relation index, const DirectoryEntry& run) {
  const BlockNumber hint = tail_hint(index, {run.id, run.header_block});
  Buffer buffer = lock_last_page(index, hint, [&](BlockNumber block) {
    return read_locked(index, block, BUFFER_LOCK_EXCLUSIVE, {PageKind::kAppendEntries, run.id});
  });
  if ((payload_as<AppendEntriesHeader>(BufferGetPage(buffer))->flags & kEntryPageOpen) != 0) {
    GenericXLogState* record = GenericXLogStart(index);
    auto* tail = payload_as<AppendEntriesHeader>(GenericXLogRegisterBuffer(record, buffer, 0));
    tail->flags = static_cast<uint16_t>(tail->flags & ~kEntryPageOpen);
    GenericXLogFinish(record);
  }
  UnlockReleaseBuffer(buffer);
}

}  // namespace pg
}  // namespace vseg
