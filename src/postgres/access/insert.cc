// aminsert: a row enters the transaction's memtable.
#include "postgres/access/callbacks.h"

extern "C" {
#include "access/htup_details.h"
#include "catalog/pg_am_d.h"
}

#include "postgres/access/opclass.h"
#include "postgres/access/tid.h"
#include "postgres/ingest/transaction_memtable.h"
#include "postgres/directory/metapage.h"

namespace vseg {
namespace pg {
namespace {

// Whether the heap row was inserted speculatively (INSERT ... ON CONFLICT). If it loses it is dead
// at once, while our transaction goes on, and no callback tells us; its address may then be reused.
bool is_speculative(Relation heap, ItemPointer tid) {
  Buffer buffer = ReadBuffer(heap, ItemPointerGetBlockNumber(tid));
  LockBuffer(buffer, BUFFER_LOCK_SHARE);
  Page page = BufferGetPage(buffer);
  ItemId item = PageGetItemId(page, ItemPointerGetOffsetNumber(tid));
  const bool speculative =
      ItemIdIsNormal(item) &&
      HeapTupleHeaderIsSpeculative(reinterpret_cast<HeapTupleHeader>(PageGetItem(page, item)));
  UnlockReleaseBuffer(buffer);
  return speculative;
}

// ALTER TABLE ... ALTER COLUMN ... TYPE vector, without dimensions, keeps the index as it is: the
// metapage still knows what it was built for.
uint32_t index_dimensions(Relation index) {
  const uint32_t dimensions = column_dimensions(index);
  if (dimensions != 0) {
    return dimensions;
  }
  Metapage metapage;
  read_metapage(index, &metapage);
  return metapage.dimensions;
}

// What a row leaves behind: its detoasted and its scaled vector, and what a flush allocates. The
// statement's context lasts for all of its rows, so each row has this one, which is emptied after
// it. An error leaves that to the end of the statement, whose contexts this one is among.
MemoryContext row_context(IndexInfo* info) {
  if (info->ii_AmCache == nullptr) {
    info->ii_AmCache =
        AllocSetContextCreate(info->ii_Context, "vseg insert row", ALLOCSET_DEFAULT_SIZES);
  }
  return static_cast<MemoryContext>(info->ii_AmCache);
}

// Rows that must not wait in memory: those of CREATE INDEX CONCURRENTLY, which belong to other
// transactions, speculative ones, and those of a table whose access method we cannot ask.
bool must_write_through(Relation heap, ItemPointer tid, const IndexInfo* info) {
  return info->ii_Concurrent || heap->rd_rel->relam != HEAP_TABLE_AM_OID ||
         is_speculative(heap, tid);
}

void insert_unranked(Relation index, Unranked kind, ItemPointer tid, Relation heap,
                     const IndexInfo* info) {
  const UnrankedEntry row = {to_tid(tid), kind};
  if (must_write_through(heap, tid, info)) {
    write_through_unranked(index, row);
  } else {
    memtable_insert_unranked(index, row);
  }
}

void insert_row(Relation index, Datum value, ItemPointer tid, Relation heap,
                const IndexInfo* info) {
  const uint32_t dimensions = index_dimensions(index);
  const float* vector = index_form(value, opclass_support(index).metric, dimensions);
  if (vector == nullptr) {
    insert_unranked(index, Unranked::kNan, tid, heap, info);
    return;
  }
  const IndexRow row = {to_tid(tid), vector, dimensions};
  if (must_write_through(heap, tid, info)) {
    write_through(index, row);
  } else {
    memtable_insert(index, row);
  }
}

}  // namespace
}  // namespace pg
}  // namespace vseg

// The signature is PostgreSQL's.
// NOLINTNEXTLINE(readability-function-size)
bool vseg_insert(Relation index, Datum* values, bool* isnull, ItemPointer tid, Relation heap,
                 IndexUniqueCheck /*unique*/, bool /*unchanged*/, IndexInfo* info) {
  using namespace vseg::pg;
  MemoryContext row = row_context(info);
  MemoryContext old = MemoryContextSwitchTo(row);
  if (isnull[0]) {
    insert_unranked(index, vseg::Unranked::kNull, tid, heap, info);
  } else {
    insert_row(index, values[0], tid, heap, info);
  }
  MemoryContextSwitchTo(old);
  MemoryContextReset(row);
  return false;
}
