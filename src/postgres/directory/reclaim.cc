// See src/postgres/README.md for the protocol.
#include "postgres/directory/reclaim.h"

#include <algorithm>
#include <cstring>
#include <ctime>
#include <vector>

extern "C" {
#include "access/nbtxlog.h"
#include "access/rmgr.h"
#include "access/transam.h"
#include "access/xlog.h"
#include "storage/procarray.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/snapmgr.h"
}

#include "engine/common/bits.h"
#include "engine/compaction/space_policy.h"
#include "engine/segment/member_extents.h"
#include "postgres/boundary/guard.h"
#include "postgres/boundary/fault_point.h"
#include "postgres/options/options.h"
#include "postgres/directory/displaced_queue.h"
#include "postgres/pages/extents.h"
#include "postgres/directory/metapage.h"
#include "postgres/pages/pages.h"

namespace vseg {
namespace pg {
namespace {

// A record has room for the metapage, a page of the displaced queue and this many map pages.
constexpr int kMapsPerRecord = 2;

// Members that are freed before others get PUBLISH.
constexpr size_t kBatch = 256;

// Displaced members that are looked at to plan a batch.
constexpr size_t kMostPlanned = 4096;

// Extents of one member, ascending, being given back.
struct Release {
  const std::vector<uint32_t>& extents;
  size_t done;

  bool finished() const { return done == extents.size(); }

  // Extents from `done` on that share a map page.
  size_t same_map() const {
    const uint32_t k = extents[done] / kExtentsPerMap;
    size_t end = done;
    while (end < extents.size() && extents[end] / kExtentsPerMap == k) {
      end++;
    }
    return end - done;
  }

  int maps() const {
    int maps = 0;
    uint32_t last = kNoExtent;
    for (uint32_t extent : extents) {
      maps += extent / kExtentsPerMap != last ? 1 : 0;
      last = extent / kExtentsPerMap;
    }
    return maps;
  }
};

// Gives back extents of as many map pages as still fit into the record, then writes it.
void finish_with_maps(Relation index, GenericXLogState* record, Release* release) {
  Buffer maps[kMapsPerRecord];
  int count = 0;
  while (count < kMapsPerRecord && !release->finished()) {
    const size_t n = release->same_map();
    maps[count++] = release_extents(index, record, &release->extents[release->done], n);
    release->done += n;
  }
  GenericXLogFinish(record);
  for (int i = 0; i < count; i++) {
    UnlockReleaseBuffer(maps[i]);
  }
}

// What is left once the member is out of the metapage. A crash in between leaks it.
void release_rest(Relation index, Release* release) {
  while (!release->finished()) {
    finish_with_maps(index, GenericXLogStart(index), release);
  }
}

// One record takes the member out of the list and gives back its extents: were they given back
// before, they would be given back again, from under another owner, after a crash. It is the oldest
// in the list. Where its extents take further records, a crash between them leaks what they would
// give back: a sweep is due then.
void release_displaced(Relation index, uint32_t id, const std::vector<uint32_t>& extents) {
  Release release = {extents, 0};
  GenericXLogState* record = GenericXLogStart(index);
  const Withdrawal withdrawal = withdraw_oldest(index, record, id);
  if (release.maps() > kMapsPerRecord) {
    withdrawal.metapage->unpublished++;
  }
  finish_with_maps(index, record, &release);
  for (Buffer buffer : {withdrawal.buffers[1], withdrawal.buffers[0]}) {
    if (BufferIsValid(buffer)) {
      UnlockReleaseBuffer(buffer);
    }
  }
  release_rest(index, &release);
}

// Tells standbys that pages are about to be reused that scans with snapshots from before `horizon`
// might read: they wait for such scans, or cancel them. The record is one of core's B-tree, whose
// replay touches no page.
void log_reuse(Relation index, uint64_t horizon) {
  if (!RelationNeedsWAL(index) || !XLogStandbyInfoActive()) {
    return;
  }
  xl_btree_reuse_page record;
  memset(&record, 0, sizeof(record));
  record.node = index->rd_node;
  record.block = kMetapageBlock;
  record.latestRemovedFullXid = FullTransactionIdFromU64(horizon);
  XLogBeginInsert();
  XLogRegisterData(reinterpret_cast<char*>(&record), SizeOfBtreeReusePage);
  XLogInsert(RM_BTREE_ID, XLOG_BTREE_REUSE_PAGE);
}

// The table of an index, as far as its relcache entry: who has a lock on the index needs none on
// the table for that, since a table is not dropped without its indexes. Null for an index that this
// session alone sees: the horizon of its tables passes by the session's own cursors.
class Table {
 public:
  explicit Table(Relation index)
      : table_(RELATION_IS_LOCAL(index) ? nullptr
                                        : RelationIdGetRelation(index->rd_index->indrelid)) {}

  Relation get() const { return table_; }

  void close() {
    if (table_ != nullptr) {
      RelationClose(table_);
    }
  }

 private:
  Relation table_;
};

// What nobody on this server can read any more, oldest first; what is older is removable where
// anything is. Only who can read the table counts: transactions in this database and, by their
// feedback, on standbys; not those in other databases, nor what logical decoding needs.
std::vector<DisplacedSpace> removable_displaced(Relation index, const Metapage& metapage) {
  std::vector<DisplacedSpace> removable;
  removable.reserve(std::min<size_t>(metapage.displaced_members, kMostPlanned));
  call_pg([&] {
    Table table(index);
    // Brings the horizon up to date; without it the check would say no for long.
    GetOldestNonRemovableTransactionId(table.get());
    visit_displaced(index, metapage, [&](const DisplacedSpace& space) {
      if (removable.size() == removable.capacity() || space.removable_after == 0 ||
          !GlobalVisCheckRemovableFullXid(table.get(),
                                          FullTransactionIdFromU64(space.removable_after))) {
        return false;
      }
      removable.push_back(space);
      return true;
    });
    table.close();
  });
  return removable;
}

// A member by its header: segment or chain.
struct Owner {
  BlockNo header_block;
  uint32_t id;
};

std::vector<uint32_t> extents_of(Relation index, BufferPages* pages, const Owner& owner,
                                 uint32_t dimensions) {
  const PageKind kind = call_pg([&] { return page_kind(index, owner.header_block); });
  return kind == PageKind::kSegmentHeader
             ? segment_extents(*pages, owner.header_block, owner.id, dimensions)
             : chain_extents(*pages, owner.header_block, owner.id, dimensions);
}

// Standbys are told once: of the newest, and so of all.
void release_members(Relation index, const Metapage& metapage,
                     const std::vector<DisplacedSpace>& members) {
  BufferPages pages(index);
  call_pg([&] {
    log_reuse(index, members.back().removable_after);
    fault_point("reclaim-logged");
  });
  for (const DisplacedSpace& space : members) {
    const std::vector<uint32_t> extents =
        extents_of(index, &pages, {space.header_block, space.id}, metapage.dimensions);
    pages.release();
    call_pg([&] {
      CHECK_FOR_INTERRUPTS();
      release_displaced(index, space.id, extents);
      fault_point("reclaim-released");
      trim_displaced_queue(index);
    });
  }
}

enum class Reuse { kAll, kWhatIsDue };

// Whether there is more to free.
bool drain_removable(Relation index, Reuse reuse) {
  Metapage metapage;
  call_pg([&] { read_metapage(index, &metapage); });
  std::vector<DisplacedSpace> members = removable_displaced(index, metapage);
  if (reuse == Reuse::kWhatIsDue) {
    members.resize(members_to_reuse(
        members, {segment_pages(metapage), metapage.displaced_pages,
                  static_cast<uint32_t>(time(nullptr)), static_cast<uint32_t>(reuse_delay())}));
  }
  const bool more = members.size() > kBatch;
  members.resize(std::min(members.size(), kBatch));
  if (!members.empty()) {
    release_members(index, metapage, members);
  }
  return more;
}

// The allocation map, less what is found to be in use.
class Unaccounted {
 public:
  explicit Unaccounted(Relation index)
      : maps_(call_pg([&] { return allocation_maps(index); })),
        bits_(size_t{maps_} * kPagePayload) {
    for (uint32_t k = 0; k < maps_; k++) {
      call_pg([&] { copy_allocation_map(index, k, bits_.data() + size_t{k} * kPagePayload); });
      account(k * kExtentsPerMap);  // the map page itself lies there
    }
  }

  void account(uint32_t extent) {
    if (extent / kExtentsPerMap < maps_) {
      clear_bit(bits_.data(), extent);
    }
  }

  std::vector<uint32_t> extents() const {
    std::vector<uint32_t> extents;
    for (size_t i = 0; i < bits_.size() * 8; i++) {
      if (get_bit(bits_.data(), i)) {
        extents.push_back(static_cast<uint32_t>(i));
      }
    }
    return extents;
  }

 private:
  static_assert(kExtentsPerMap == kPagePayload * 8);

  uint32_t maps_;
  std::vector<char> bits_;
};

// The map is copied before the chains are read: an inserter links the extent it claims in the same
// record, so whatever it had claimed by then is found, and what it claims later is not in the copy.
std::vector<uint32_t> find_orphans(Relation index) {
  Unaccounted unaccounted(index);
  Metapage metapage;
  call_pg([&] { read_metapage(index, &metapage); });
  std::vector<Owner> owners;
  for (uint32_t i = 0; i < metapage.directory_count; i++) {
    owners.push_back({metapage.directory[i].header_block, metapage.directory[i].id});
  }
  owners.reserve(owners.size() + metapage.displaced_members);
  call_pg([&] {
    visit_displaced(index, metapage, [&](const DisplacedSpace& space) {
      owners.push_back({space.header_block, space.id});
      return owners.size() < owners.capacity();
    });
  });
  for (uint32_t extent : displaced_queue_extents(index, metapage)) {
    unaccounted.account(extent);
  }
  BufferPages pages(index);
  for (uint32_t extent : unranked_extents(pages, metapage.unranked)) {
    unaccounted.account(extent);
  }
  for (const Owner& owner : owners) {
    for (uint32_t extent : extents_of(index, &pages, owner, metapage.dimensions)) {
      unaccounted.account(extent);
    }
  }
  pages.release();
  return unaccounted.extents();
}

}  // namespace

void stamp_displaced(Relation index) {
  GenericXLogState* record = GenericXLogStart(index);
  Metapage* metapage = nullptr;
  Buffer buffer = open_metapage_for_publish(index, record, &metapage);
  stamp_listed(metapage);
  GenericXLogFinish(record);
  UnlockReleaseBuffer(buffer);
}

namespace {

// Whether there is more to free.
bool drain_displaced(Relation index, Reuse reuse) {
  Metapage metapage;
  read_metapage(index, &metapage);
  const DisplacedSpace* displaced = metapage.displaced;
  if (std::any_of(displaced, displaced + metapage.displaced_count,
                  [](const DisplacedSpace& d) { return d.removable_after == 0; })) {
    stamp_displaced(index);
  }
  trim_displaced_queue(index);  // a crash may have left an empty page
  return metapage.displaced_members > 0 && run_cpp([&] { return drain_removable(index, reuse); });
}

void note_swept(Relation index) {
  GenericXLogState* record = GenericXLogStart(index);
  Metapage* metapage = nullptr;
  Buffer buffer = open_metapage_for_publish(index, record, &metapage);
  metapage->unpublished = 0;
  GenericXLogFinish(record);
  UnlockReleaseBuffer(buffer);
}

// Under all job locks and PUBLISH, so that nobody is writing what is not linked yet.
void sweep_orphans(Relation index) {
  run_cpp([&] {
    const std::vector<uint32_t> orphans = find_orphans(index);
    Release release = {orphans, 0};
    call_pg([&] {
      fault_point("sweep-found");
      release_rest(index, &release);
      note_swept(index);
      fault_point("sweep-released");
    });
  });
}

// Whether segments were begun that are not published: by who is at work, or by who failed.
bool may_have_orphans(Relation index) {
  Metapage metapage;
  read_metapage(index, &metapage);
  return metapage.unpublished > 0;
}

void sweep_if_due(Relation index) {
  if (!may_have_orphans(index) || !try_lock_index(index, IndexLock::kSeal)) {
    return;
  }
  if (try_lock_index(index, IndexLock::kMerge)) {
    if (try_lock_index(index, IndexLock::kMergeSmall)) {
      if (may_have_orphans(index)) {
        sweep_orphans(index);
      }
      unlock_index(index, IndexLock::kMergeSmall);
    }
    unlock_index(index, IndexLock::kMerge);
  }
  unlock_index(index, IndexLock::kSeal);
}

}  // namespace

void drain_if_free(Relation index) {
  if (try_lock_index(index, IndexLock::kPublish)) {
    drain_displaced(index, Reuse::kWhatIsDue);
    unlock_index(index, IndexLock::kPublish);
  }
}

void reclaim_if_free(Relation index) {
  if (try_lock_index(index, IndexLock::kPublish)) {
    drain_displaced(index, Reuse::kWhatIsDue);
    sweep_if_due(index);
    unlock_index(index, IndexLock::kPublish);
  }
}

bool reclaim_space(Relation index) {
  if (drain_displaced(index, Reuse::kAll)) {
    return true;
  }
  sweep_if_due(index);
  return false;
}

}  // namespace pg
}  // namespace vseg
