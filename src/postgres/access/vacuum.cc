// ambulkdelete and amvacuumcleanup: dead rows become tombstones at once.
#include "postgres/access/callbacks.h"

#include <algorithm>
#include <cstring>
#include <vector>

extern "C" {
#include "access/genam.h"
#include "commands/vacuum.h"
}

#include "engine/common/bits.h"
#include "engine/format/append_format.h"
#include "engine/append/append_reader.h"
#include "engine/segment/segment_reader.h"
#include "engine/append/unranked_reader.h"
#include "postgres/access/tid.h"
#include "postgres/boundary/guard.h"
#include "postgres/boundary/fault_point.h"
#include "postgres/workers/worker_start.h"
#include "postgres/directory/metapage.h"
#include "postgres/pages/pages.h"
#include "postgres/directory/reclaim.h"
#include "postgres/segment/tombstone_pages.h"
#include "postgres/directory/truncation.h"
#include "postgres/append/unranked_pages.h"

namespace vseg {
namespace pg {
namespace {

// One ambulkdelete: VACUUM's question about each row, and what was found.
struct Pass {
  Relation index;
  IndexBulkDeleteCallback callback;
  void* callback_state;
  double removed;
  double live;

  bool is_dead(const Tid& tid) const {
    ItemPointerData pointer;
    from_tid(tid, &pointer);
    return callback(&pointer, callback_state);
  }
};

// Asks about the rows of one TID page that are not dead yet; `bits` are theirs from bit `first` on.
// Returns how many died. Rows already dead are passed over without a question: their addresses may
// belong to others by now, and CREATE INDEX CONCURRENTLY must not take them for indexed ones.
uint32_t mark_dead(const Pass& pass, const Tid* tids, uint32_t count, std::byte* bits,
                   uint32_t first) {
  uint32_t died = 0;
  for (uint32_t i = 0; i < count; i++) {
    if (!get_bit(bits, first + i) && pass.is_dead(tids[i])) {
      set_bit(bits, first + i);
      died++;
    }
  }
  return died;
}

uint32_t count_bits(const std::byte* bits, uint32_t n) {
  uint32_t set = 0;
  for (uint32_t i = 0; i < n; i++) {
    set += get_bit(bits, i) ? 1 : 0;
  }
  return set;
}

// The rows one tombstone page stands for; returns how many of them are dead now.
uint32_t vacuum_tombstone_page(Pass* pass, BufferPages* pages, const SegmentReader& segment,
                               uint32_t page) {
  const SegmentHeader& header = segment.header();
  const BlockNo block = segment.block(header.tombstones.first + page);
  const uint32_t first = page * kTombstonesPerPage;
  const uint32_t rows = std::min(kTombstonesPerPage, header.rows - first);
  std::vector<std::byte> bits(kPagePayload);
  pages->copy(block, {PageKind::kTombstones, header.id}, bits.data());

  uint32_t died = 0;
  for (uint32_t done = 0; done < rows;) {
    const uint32_t ordinal = first + done;
    const uint32_t offset = ordinal % kTidsPerPage;
    const uint32_t count = std::min(rows - done, kTidsPerPage - offset);
    const auto* tids = reinterpret_cast<const Tid*>(pages->pin(
        segment.block(header.tids.first + ordinal / kTidsPerPage), {PageKind::kTids, header.id}));
    died += call_pg([&] {
      vacuum_delay_point();
      return mark_dead(*pass, tids + offset, count, bits.data(), done);
    });
    done += count;
  }
  if (died > 0) {
    call_pg([&] { set_tombstones(pass->index, block, header.id, bits.data()); });
  }
  const uint32_t dead = count_bits(bits.data(), rows);
  pass->removed += died;
  pass->live += rows - dead;
  return dead;
}

uint64_t vacuum_segment(Pass* pass, BufferPages* pages, const DirectoryEntry& entry,
                        uint32_t dimensions) {
  const SegmentReader segment(*pages, entry, dimensions);
  uint64_t dead = 0;
  for (uint32_t page = 0; page < segment.header().tombstones.count; page++) {
    dead += vacuum_tombstone_page(pass, pages, segment, page);
  }
  return dead;
}

// Marks the entries in `dead` on an append chain's entry page. Rows may have been added to the page
// since it was copied; entries never move.
void write_dead_entries(Relation index, BlockNumber block, uint32_t chain, const uint8* dead,
                        uint32_t count) {
  Buffer buffer =
      read_locked(index, block, BUFFER_LOCK_EXCLUSIVE, {PageKind::kAppendEntries, chain});
  GenericXLogState* record = GenericXLogStart(index);
  char* page = payload(GenericXLogRegisterBuffer(record, buffer, 0));
  auto* entries = reinterpret_cast<AppendEntry*>(page + sizeof(AppendEntriesHeader));
  for (uint32_t i = 0; i < count; i++) {
    if (dead[i] != 0) {
      entries[i].flags |= kEntryDead;
    }
  }
  GenericXLogFinish(record);
  UnlockReleaseBuffer(buffer);
}

void vacuum_entry_page(Pass* pass, const AppendReader& chain, uint32_t chain_id) {
  const uint32_t rows = chain.rows();
  std::vector<uint8> dead(rows, 0);
  uint32_t died = 0;
  call_pg([&] {
    vacuum_delay_point();
    for (uint32_t i = 0; i < rows; i++) {
      const AppendEntry& entry = chain.entry(i);
      if ((entry.flags & kEntryDead) != 0) {
        continue;
      }
      if (pass->is_dead(entry.tid)) {
        dead[i] = 1;
        died++;
      } else {
        pass->live++;
      }
    }
    if (died > 0) {
      write_dead_entries(pass->index, chain.block(), chain_id, dead.data(), rows);
    }
  });
  pass->removed += died;
}

void vacuum_chain(Pass* pass, BufferPages* pages, const DirectoryEntry& entry,
                  uint32_t dimensions) {
  AppendReader chain(*pages, entry, dimensions);
  while (chain.next_page()) {
    vacuum_entry_page(pass, chain, entry.id);
  }
}

void vacuum_unranked_page(Pass* pass, const UnrankedReader& reader, uint32_t* left) {
  std::vector<uint8> dead(reader.count(), 0);
  uint32_t died = 0;
  call_pg([&] {
    vacuum_delay_point();
    for (uint32_t i = 0; i < reader.count(); i++) {
      dead[i] = pass->is_dead(reader.entry(i).tid) ? 1 : 0;
      died += dead[i];
    }
    *left = reader.count() - died;
    if (died > 0) {
      remove_unranked(pass->index, reader.block(), dead);
    }
  });
  pass->removed += died;
  pass->live += *left;
}

// Rows to come fill what dead ones leave, from the first page on that has room for a few.
void vacuum_unranked(Pass* pass, BufferPages* pages, BlockNumber first) {
  constexpr uint32_t kFew = kUnrankedPerPage / 16;
  UnrankedReader reader(*pages, first);
  BlockNumber room = kNoBlock;
  const double removed = pass->removed;
  while (reader.next_page()) {
    uint32_t left = 0;
    vacuum_unranked_page(pass, reader, &left);
    if (room == kNoBlock && left + kFew <= kUnrankedPerPage) {
      room = reader.block();
    }
  }
  if (pass->removed > removed && room != kNoBlock) {
    call_pg([&] { set_unranked_room(pass->index, first, room); });
  }
}

// Tells the directory how many rows of each segment are dead, so that scans look at the bitmap.
// Under PUBLISH; the segments are the ones `metapage` was read with.
void publish_dead_rows(Relation index, const Metapage& metapage) {
  GenericXLogState* record = GenericXLogStart(index);
  Metapage* published = nullptr;
  Buffer buffer = open_metapage_for_publish(index, record, &published);
  for (uint32_t i = 0; i < metapage.directory_count; i++) {
    published->directory[i].dead_rows = metapage.directory[i].dead_rows;
  }
  GenericXLogFinish(record);
  UnlockReleaseBuffer(buffer);
}

// Every member of the directory, append chains included, and unranked rows: CREATE INDEX
// CONCURRENTLY collects the index's rows through here, and once VACUUM's call returns the dead
// rows' addresses are reused.
void vacuum_members(Pass* pass, Metapage* metapage) {
  BufferPages pages(pass->index);
  bool changed = false;
  for (uint32_t i = 0; i < metapage->directory_count; i++) {
    DirectoryEntry* entry = &metapage->directory[i];
    if (entry->kind != MemberKind::kGraphSegment) {
      vacuum_chain(pass, &pages, *entry, metapage->dimensions);
    } else {
      const uint64_t dead = vacuum_segment(pass, &pages, *entry, metapage->dimensions);
      changed |= dead != entry->dead_rows;
      entry->dead_rows = dead;
    }
  }
  vacuum_unranked(pass, &pages, metapage->unranked);
  pages.release();
  if (changed) {
    call_pg([&] {
      fault_point("vacuum-marked");
      publish_dead_rows(pass->index, *metapage);
      fault_point("vacuum-published");
    });
  }
}

// Under PUBLISH: VACUUM has no snapshot that keeps what it reads from being reused.
double count_live_rows(Relation index) {
  Metapage metapage;
  read_metapage(index, &metapage);
  return run_cpp([&] {
    BufferPages pages(index);
    uint64_t live = 0;
    for (uint32_t i = 0; i < metapage.directory_count; i++) {
      const DirectoryEntry& entry = metapage.directory[i];
      if (entry.kind != MemberKind::kGraphSegment) {
        const AppendSummary chain = summarize_append_chain(pages, entry, metapage.dimensions);
        live += chain.rows - chain.dead_rows;
      } else {
        live += entry.rows - entry.dead_rows;
      }
    }
    UnrankedReader unranked(pages, metapage.unranked);
    while (unranked.next_page()) {
      live += unranked.count();
    }
    pages.release();
    return static_cast<double>(live);
  });
}

IndexBulkDeleteResult* new_stats() {
  return static_cast<IndexBulkDeleteResult*>(palloc0(sizeof(IndexBulkDeleteResult)));
}

}  // namespace
}  // namespace pg
}  // namespace vseg

using namespace vseg::pg;  // NOLINT: callbacks are C functions

IndexBulkDeleteResult* vseg_bulkdelete(IndexVacuumInfo* info, IndexBulkDeleteResult* stats,
                                       IndexBulkDeleteCallback callback, void* state) {
  if (stats == nullptr) {
    stats = new_stats();
  }
  Pass pass = {info->index, callback, state, 0, 0};
  // Held throughout, so that no publish moves a row from a member not yet visited to one that was.
  lock_index(info->index, IndexLock::kPublish);
  vseg::Metapage metapage;
  read_metapage(info->index, &metapage);
  run_cpp([&] { vacuum_members(&pass, &metapage); });
  unlock_index(info->index, IndexLock::kPublish);

  stats->tuples_removed += pass.removed;
  stats->num_index_tuples = pass.live;
  stats->estimated_count = false;
  stats->num_pages = RelationGetNumberOfBlocks(info->index);
  return stats;
}

IndexBulkDeleteResult* vseg_vacuumcleanup(IndexVacuumInfo* info, IndexBulkDeleteResult* stats) {
  if (info->analyze_only) {
    return stats;
  }
  lock_index(info->index, IndexLock::kPublish);
  if (stats == nullptr) {
    stats = new_stats();
    stats->num_index_tuples = count_live_rows(info->index);
  }
  while (reclaim_space(info->index)) {
    unlock_index(info->index, IndexLock::kPublish);
    vacuum_delay_point();
    lock_index(info->index, IndexLock::kPublish);
  }
  unlock_index(info->index, IndexLock::kPublish);
  truncate_if_worthwhile(info->index, 1000);  // before a worker is in the way
  lock_index(info->index, IndexLock::kPublish);
  request_maintenance(info->index);
  unlock_index(info->index, IndexLock::kPublish);
  stats->num_pages = RelationGetNumberOfBlocks(info->index);
  return stats;
}
