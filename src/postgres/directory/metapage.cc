#include "postgres/directory/metapage.h"

extern "C" {
#include "storage/backendid.h"
}

#include "engine/format/append_format.h"
#include "engine/format/statistics_format.h"
#include "postgres/access/opclass.h"
#include "postgres/directory/chain_pages.h"
#include "postgres/statistics/index_statistics.h"
#include "postgres/pages/pages.h"
#include "postgres/append/unranked_pages.h"

namespace vseg {
namespace pg {
namespace {

constexpr BlockNumber kFirstMapBlock = 1;

Buffer new_page(Relation index, ForkNumber fork, BlockNumber expected, PageExpectation what,
                size_t bytes) {
  Buffer buffer = ReadBufferExtended(index, fork, P_NEW, RBM_NORMAL, nullptr);
  if (BufferGetBlockNumber(buffer) != expected) {
    elog(ERROR, "new vseg index \"%s\" is not empty", RelationGetRelationName(index));
  }
  LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
  init_page(BufferGetPage(buffer), what, bytes);
  return buffer;
}

void finish_new_page(Relation index, ForkNumber fork, Buffer buffer) {
  START_CRIT_SECTION();
  MarkBufferDirty(buffer);
  if (RelationNeedsWAL(index) || fork == INIT_FORKNUM) {
    log_newpage_buffer(buffer, true);
  }
  END_CRIT_SECTION();
  UnlockReleaseBuffer(buffer);
}

void fill_metapage(Metapage* meta, const IndexIdentity& identity) {
  meta->magic = kMetapageMagic;
  meta->format_version = kFormatVersion;
  meta->dimensions = identity.dimensions;
  meta->metric = identity.metric;
  meta->element = 1;
  meta->m = identity.m;
  meta->ef_construction = identity.ef_construction;
  meta->next_id = kFirstSegmentId;
  meta->generation = 1;
  if (!pg_strong_random(&meta->incarnation, sizeof(meta->incarnation))) {
    ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not generate a random number")));
  }
  meta->displaced_head = kNoBlock;
  meta->displaced_tail = kNoBlock;
  meta->unranked = kUnrankedBlock;
  meta->first_extent_members = 1;
  meta->directory_count = 1;
  DirectoryEntry* chain = &meta->directory[0];
  chain->id = kFirstChainId;
  chain->kind = MemberKind::kAppendChain;
  chain->header_block = kFirstChainBlock;
  chain->born = 1;
}

LOCKTAG tuple_tag(Relation index, BlockNumber block, OffsetNumber tuple) {
  const LockRelId& id = index->rd_lockInfo.lockRelId;
  LOCKTAG tag;
  SET_LOCKTAG_TUPLE(tag, id.dbId, id.relId, block, tuple);
  return tag;
}

LOCKTAG lock_tag(Relation index, IndexLock lock) {
  return tuple_tag(index, static_cast<BlockNumber>(lock), 0);
}

LOCKTAG member_tag(Relation index, uint32_t id) { return tuple_tag(index, id, 1); }

const char* metapage_problem(Relation index, const Metapage& meta) {
  if (meta.magic != kMetapageMagic) {
    return "metapage has a wrong magic number";
  }
  if (meta.directory_count > kMaxDirectoryEntries || meta.displaced_count > kMaxDisplaced) {
    return "directory is larger than its page";
  }
  if (meta.dimensions < 1 || meta.dimensions > kMaxDimensions) {
    return "number of dimensions is out of range";
  }
  // The column may have lost its number of dimensions since the index was built, but not changed
  // it.
  const uint32_t column = column_dimensions(index);
  if (column != 0 && column != meta.dimensions) {
    return "number of dimensions is not the column's";
  }
  if (meta.metric < Metric::kL2 || meta.metric > Metric::kL1) {
    return "metric is unknown";
  }
  return nullptr;
}

}  // namespace

// Pages are logged in the order that makes each complete before the metapage points to it; the
// relation is invisible to others until the transaction commits in any case.
void create_empty_index(Relation index, ForkNumber fork, const IndexIdentity& identity) {
  Buffer meta = new_page(index, fork, kMetapageBlock, {PageKind::kMeta, 0}, sizeof(Metapage));
  fill_metapage(payload_as<Metapage>(BufferGetPage(meta)), identity);

  Buffer map = new_page(index, fork, kFirstMapBlock, {PageKind::kAllocationMap, 0}, kPagePayload);
  payload(BufferGetPage(map))[0] = 1;  // extent 0 holds these pages

  Buffer statistics =
      new_page(index, fork, kStatisticsBlock, {PageKind::kStatistics, 0}, sizeof(Statistics));
  init_statistics(BufferGetPage(statistics), fork);

  Buffer unranked = new_page(index, fork, kUnrankedBlock, {PageKind::kUnranked, 0}, 0);
  init_unranked_page(BufferGetPage(unranked));

  Buffer chain = new_page(index, fork, kFirstChainBlock, {PageKind::kAppendHeader, kFirstChainId},
                          sizeof(AppendChainHeader));
  init_chain_header(BufferGetPage(chain), {kFirstChainId, 0, kFirstChainBlock + 1});

  finish_new_page(index, fork, chain);
  finish_new_page(index, fork, unranked);
  finish_new_page(index, fork, statistics);
  finish_new_page(index, fork, map);
  finish_new_page(index, fork, meta);
}

void read_metapage(Relation index, Metapage* copy, Snapshot snapshot) {
  if (RelationGetNumberOfBlocks(index) == 0) {
    raise_corrupt(index, kMetapageBlock, "index is empty");
  }
  Buffer buffer = ReadBuffer(index, kMetapageBlock);
  LockBuffer(buffer, BUFFER_LOCK_SHARE);
  Page page = BufferGetPage(buffer);
  const auto* meta = payload_as<Metapage>(page);
  if (!PageIsNew(page) && meta->magic == kMetapageMagic && meta->format_version != kFormatVersion) {
    ereport(ERROR,
            (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
             errmsg("vseg index \"%s\" has format version %u, which this version of vseg does not "
                    "read",
                    RelationGetRelationName(index), meta->format_version),
             errdetail("This version of vseg reads format version %u.", kFormatVersion),
             errhint("REINDEX the index.")));
  }
  check_page(index, buffer, {PageKind::kMeta, 0});
  check_old_snapshot(index, page, snapshot);
  *copy = *meta;
  UnlockReleaseBuffer(buffer);

  const char* problem = metapage_problem(index, *copy);
  if (problem != nullptr) {
    raise_corrupt(index, kMetapageBlock, problem);
  }
}

bool is_held_by_others(const LOCKTAG& tag) {
  int holders = 0;
  pfree(GetLockConflicts(&tag, ExclusiveLock, &holders));
  return holders > 0;
}

void lock_index(Relation index, IndexLock lock) {
  const LOCKTAG tag = lock_tag(index, lock);
  LockAcquire(&tag, ExclusiveLock, false, false);
}

bool try_lock_index(Relation index, IndexLock lock) {
  const LOCKTAG tag = lock_tag(index, lock);
  return LockAcquire(&tag, ExclusiveLock, false, true) != LOCKACQUIRE_NOT_AVAIL;
}

void unlock_index(Relation index, IndexLock lock) {
  const LOCKTAG tag = lock_tag(index, lock);
  LockRelease(&tag, ExclusiveLock, false);
}

bool is_index_lock_taken(Relation index, IndexLock lock) {
  return is_held_by_others(lock_tag(index, lock));
}

bool try_claim_member(Relation index, uint32_t id) {
  const LOCKTAG tag = member_tag(index, id);
  return LockAcquire(&tag, ExclusiveLock, false, true) != LOCKACQUIRE_NOT_AVAIL;
}

void release_member(Relation index, uint32_t id) {
  const LOCKTAG tag = member_tag(index, id);
  LockRelease(&tag, ExclusiveLock, false);
}

bool is_member_claimed(Relation index, uint32_t id) {
  return is_held_by_others(member_tag(index, id));
}

Buffer open_metapage_for_publish(Relation index, GenericXLogState* record, Metapage** page) {
  Buffer buffer = read_locked(index, kMetapageBlock, BUFFER_LOCK_EXCLUSIVE, {PageKind::kMeta, 0});
  *page = payload_as<Metapage>(GenericXLogRegisterBuffer(record, buffer, 0));
  (*page)->generation++;
  return buffer;
}

uint32_t count_members(const Metapage& metapage, MemberKind kind) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < metapage.directory_count; i++) {
    count += metapage.directory[i].kind == kind ? 1 : 0;
  }
  return count;
}

ChainRef own_append_chain(Relation index, const Metapage& metapage) {
  const uint32_t chains = count_members(metapage, MemberKind::kAppendChain);
  if (chains == 0) {
    raise_corrupt(index, kMetapageBlock, "directory has no append chain");
  }
  uint32_t skip = static_cast<uint32_t>(MyBackendId) % chains;
  const DirectoryEntry* entry = metapage.directory;
  while (entry->kind != MemberKind::kAppendChain || skip-- > 0) {
    entry++;
  }
  return {entry->id, entry->header_block};
}

}  // namespace pg
}  // namespace vseg
