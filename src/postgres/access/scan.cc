// amgettuple: rows in the order of their distance to the query, for as long as they are asked for.
#include "postgres/access/callbacks.h"

#include <ctime>
#include <memory>

extern "C" {
#include "access/relscan.h"
#include "pgstat.h"
#include "utils/snapmgr.h"
}

#include "engine/format/append_format.h"
#include "engine/search/index_scan.h"
#include "postgres/access/opclass.h"
#include "postgres/access/tid.h"
#include "postgres/boundary/guard.h"
#include "postgres/workers/idle_tail.h"
#include "postgres/ingest/transaction_memtable.h"
#include "postgres/options/options.h"
#include "postgres/statistics/index_statistics.h"
#include "postgres/directory/metapage.h"
#include "postgres/pages/pages.h"

namespace vseg {
namespace pg {
namespace {

// One search: the engine's scan and the pages it reads.
struct RunningScan {
  BufferPages pages;
  IndexScan scan;

  RunningScan(Relation index, Snapshot snapshot, const Metapage& metapage, Query query)
      : pages(index, snapshot), scan(pages, metapage, std::move(query), scan_settings()) {}
};

// scan->opaque. Deleted with the scan's memory context, after an error too.
struct VsegScan {
  std::unique_ptr<RunningScan> running;  // null until the first row is asked for
  BlockNumber heap_blocks = 0;           // blocks the table has at least
  uint64 late = 0;                       // rows that searches so far returned after farther ones
  // Of what the start of a search allocates, and emptied after it: a statement may start one for
  // each of millions of outer rows.
  MemoryContext query;

  explicit VsegScan(MemoryContext context) : query(context) {}
};

VsegScan* state_of(IndexScanDesc scan) { return static_cast<VsegScan*>(scan->opaque); }

// The query vector in the metric's form, in the current memory context. A null query, or a zero
// vector under cosine, is as near to every row: any order will do, so the zero vector stands in.
const float* query_form(const ScanKeyData& key, const Metapage& metapage) {
  const float* vector = nullptr;
  if ((key.sk_flags & SK_ISNULL) == 0) {
    vector = index_form(key.sk_argument, metapage.metric, metapage.dimensions);
  }
  if (vector == nullptr) {
    vector = static_cast<float*>(palloc0(metapage.dimensions * sizeof(float)));
  }
  return vector;
}

void start(IndexScanDesc scan) {
  if (scan->numberOfOrderBys != 1) {
    ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                    errmsg("cannot scan vseg index without order")));
  }
  // Without pins held between calls, only the snapshot keeps a row's address from being reused.
  if (!IsMVCCSnapshot(scan->xs_snapshot)) {
    ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                    errmsg("non-MVCC snapshots are not supported with vseg")));
  }
  pgstat_count_index_scan(scan->indexRelation);
  Metapage metapage;
  read_metapage(scan->indexRelation, &metapage, scan->xs_snapshot);
  VsegScan* state = state_of(scan);
  MemoryContext old = MemoryContextSwitchTo(state->query);
  const float* vector = query_form(scan->orderByData[0], metapage);
  run_cpp([&] {
    state->running =
        std::make_unique<RunningScan>(scan->indexRelation, scan->xs_snapshot, metapage,
                                      Query(metapage.metric, vector, metapage.dimensions));
  });
  MemoryContextSwitchTo(old);
  MemoryContextReset(state->query);
}

// A damaged address must not become an error of the storage manager. Rows that others add while the
// scan runs may lie behind the table's end as it was.
void check_heap_address(IndexScanDesc scan) {
  const BlockNumber block = ItemPointerGetBlockNumberNoCheck(&scan->xs_heaptid);
  VsegScan* state = state_of(scan);
  if (block < state->heap_blocks) {
    return;
  }
  state->heap_blocks = RelationGetNumberOfBlocks(scan->heapRelation);
  if (block >= state->heap_blocks) {
    ereport(ERROR, (errcode(ERRCODE_INDEX_CORRUPTED),
                    errmsg("vseg index \"%s\" is corrupted: row in block %u lies beyond the end of "
                           "the table",
                           RelationGetRelationName(scan->indexRelation), block),
                    errhint("REINDEX the index.")));
  }
}

void end_search(VsegScan* state) {
  if (state->running != nullptr) {
    state->late += state->running->scan.late();
    state->running.reset();
  }
}

}  // namespace
}  // namespace pg
}  // namespace vseg

using namespace vseg::pg;  // NOLINT: callbacks are C functions

IndexScanDesc vseg_beginscan(Relation index, int keys, int orderbys) {
  IndexScanDesc scan = RelationGetIndexScan(index, keys, orderbys);
  MemoryContext query =
      AllocSetContextCreate(CurrentMemoryContext, "vseg query", ALLOCSET_DEFAULT_SIZES);
  run_cpp([&] {
    auto state = std::make_unique<VsegScan>(query);
    call_pg([&] { delete_with_context(CurrentMemoryContext, state.get()); });
    scan->opaque = state.release();
  });
  return scan;
}

// Own rows still in the memtable go to the pages first. Rows that this transaction inserts later
// are invisible to the scan's snapshot.
void vseg_rescan(IndexScanDesc scan, ScanKey keys, int /*nkeys*/, ScanKey orderbys,
                 int /*norderbys*/) {
  end_search(state_of(scan));
  if (keys != nullptr && scan->numberOfKeys > 0) {
    memmove(scan->keyData, keys, scan->numberOfKeys * sizeof(ScanKeyData));
  }
  if (orderbys != nullptr && scan->numberOfOrderBys > 0) {
    memmove(scan->orderByData, orderbys, scan->numberOfOrderBys * sizeof(ScanKeyData));
  }
  memtable_flush(RelationGetRelid(scan->indexRelation));
}

bool vseg_gettuple(IndexScanDesc scan, ScanDirection direction) {
  Assert(ScanDirectionIsForward(direction));
  (void)direction;
  if (state_of(scan)->running == nullptr) {
    start(scan);
  }
  const bool found = run_cpp([&] {
    RunningScan& running = *state_of(scan)->running;
    vseg::Hit hit;
    const bool more = running.scan.next(&hit);
    running.pages.release();
    if (more) {
      from_tid(hit.tid, &scan->xs_heaptid);
    }
    return more;
  });
  if (found) {
    check_heap_address(scan);
  }
  scan->xs_recheck = false;
  scan->xs_recheckorderby = false;
  return found;
}

// The state itself is deleted with its memory context.
void vseg_endscan(IndexScanDesc scan) {
  VsegScan* state = state_of(scan);
  vseg::UnsealedRows tail;
  if (state->running != nullptr) {
    tail = state->running->scan.unsealed(vseg::append_clock(time(nullptr)));
    end_search(state);
  }
  if (state->late > 0) {
    count_late_rows(scan->indexRelation, state->late);
  }
  tail_was_met(scan->indexRelation, tail);
}
