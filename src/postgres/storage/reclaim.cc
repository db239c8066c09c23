// See README.md beside this file for the protocol.
#include "postgres/storage/reclaim.h"

#include <algorithm>
#include <cstring>
#include <vector>

extern "C" {
#include "access/nbtxlog.h"
#include "access/rmgr.h"
#include "access/transam.h"
#include "access/xlog.h"
#include "storage/procarray.h"
#include "utils/snapmgr.h"
}

#include "engine/common/bits.h"
#include "engine/segment/member_extents.h"
#include "postgres/boundary/guard.h"
#include "postgres/compaction/fault_point.h"
#include "postgres/storage/extents.h"
#include "postgres/storage/metapage.h"
#include "postgres/storage/pages.h"

namespace vseg {
namespace pg {
namespace {

// A record has room for the metapage and this many map pages.
constexpr int kMapsPerRecord = 3;

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
// before, they would be given back again, from under another owner, after a crash.
void release_displaced(Relation index, uint32_t id, const std::vector<uint32_t>& extents) {
  Release release = {extents, 0};
  GenericXLogState* record = GenericXLogStart(index);
  Metapage* metapage = nullptr;
  Buffer buffer = open_metapage_for_publish(index, record, &metapage);
  DisplacedSpace* end = metapage->displaced + metapage->displaced_count;
  DisplacedSpace* kept =
      std::remove_if(metapage->displaced, end, [&](const DisplacedSpace& d) { return d.id == id; });
  metapage->displaced_count = static_cast<uint16_t>(kept - metapage->displaced);
  std::fill(kept, end, DisplacedSpace{});
  finish_with_maps(index, record, &release);
  UnlockReleaseBuffer(buffer);
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

bool is_removable(const DisplacedSpace& space) {
  return space.removable_after != 0 &&
         GlobalVisCheckRemovableFullXid(nullptr, FullTransactionIdFromU64(space.removable_after));
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

void drain_removable(Relation index, const Metapage& metapage) {
  BufferPages pages(index);
  for (uint32_t i = 0; i < metapage.displaced_count; i++) {
    const DisplacedSpace& space = metapage.displaced[i];
    if (!call_pg([&] { return is_removable(space); })) {
      continue;
    }
    const std::vector<uint32_t> extents =
        extents_of(index, &pages, {space.header_block, space.id}, metapage.dimensions);
    pages.release();
    call_pg([&] {
      log_reuse(index, space.removable_after);
      fault_point("reclaim-logged");
      release_displaced(index, space.id, extents);
      fault_point("reclaim-released");
    });
  }
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
  for (uint32_t i = 0; i < metapage.displaced_count; i++) {
    owners.push_back({metapage.displaced[i].header_block, metapage.displaced[i].id});
  }
  BufferPages pages(index);
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
  // Read after the records that displaced the space: who has not begun by now reads the directory
  // without it.
  const uint64_t next = U64FromFullTransactionId(ReadNextFullTransactionId());
  for (uint32_t i = 0; i < metapage->displaced_count; i++) {
    if (metapage->displaced[i].removable_after == 0) {
      metapage->displaced[i].removable_after = next;
    }
  }
  GenericXLogFinish(record);
  UnlockReleaseBuffer(buffer);
}

namespace {

void drain_displaced(Relation index) {
  Metapage metapage;
  read_metapage(index, &metapage);
  const DisplacedSpace* displaced = metapage.displaced;
  if (std::any_of(displaced, displaced + metapage.displaced_count,
                  [](const DisplacedSpace& d) { return d.removable_after == 0; })) {
    stamp_displaced(index);
    read_metapage(index, &metapage);
  }
  if (metapage.displaced_count == 0) {
    return;
  }
  // Brings the horizon up to date; without it the check would say no for long.
  GetOldestNonRemovableTransactionId(nullptr);
  run_cpp([&] { drain_removable(index, metapage); });
}

// Under all job locks and PUBLISH, so that nobody is writing what is not linked yet.
void sweep_orphans(Relation index) {
  run_cpp([&] {
    const std::vector<uint32_t> orphans = find_orphans(index);
    Release release = {orphans, 0};
    call_pg([&] {
      fault_point("sweep-found");
      release_rest(index, &release);
      fault_point("sweep-released");
    });
  });
}

}  // namespace

void drain_if_free(Relation index) {
  if (try_lock_index(index, IndexLock::kPublish)) {
    drain_displaced(index);
    unlock_index(index, IndexLock::kPublish);
  }
}

void reclaim_space(Relation index) {
  drain_displaced(index);
  if (!try_lock_index(index, IndexLock::kSeal)) {
    return;
  }
  if (try_lock_index(index, IndexLock::kMerge)) {
    if (try_lock_index(index, IndexLock::kMergeSmall)) {
      sweep_orphans(index);
      unlock_index(index, IndexLock::kMergeSmall);
    }
    unlock_index(index, IndexLock::kMerge);
  }
  unlock_index(index, IndexLock::kSeal);
}

}  // namespace pg
}  // namespace vseg
