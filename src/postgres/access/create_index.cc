#include "postgres/access/create_index.h"

#include "engine/format/append_format.h"
#include "engine/format/metapage_format.h"
#include "engine/format/statistics_format.h"
#include "postgres/append/unranked_pages.h"
#include "postgres/directory/chain_pages.h"
#include "postgres/pages/pages.h"
#include "postgres/statistics/index_statistics.h"

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

}  // namespace pg
}  // namespace vseg
