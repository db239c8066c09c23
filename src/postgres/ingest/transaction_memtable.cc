#include "postgres/ingest/transaction_memtable.h"

#include <algorithm>
#include <iterator>
#include <new>
#include <vector>

extern "C" {
#include "access/genam.h"
#include "catalog/dependency.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_class_d.h"
#include "executor/executor.h"
#include "storage/predicate.h"
}

#include "engine/memtable/memtable.h"
#include "postgres/boundary/guard.h"
#include "postgres/ingest/back_pressure.h"
#include "postgres/ingest/flush.h"
#include "postgres/options/options.h"
#include "postgres/directory/metapage.h"
#include "postgres/append/unranked_pages.h"

namespace vseg {
namespace pg {
namespace {

// Once its rows have not fitted into memory a bulk load flushes so much at a time: rows are copied
// into pages, and made codes of, while the processor's cache has them. COPY of 50,000 rows of 768
// dimensions took a tenth longer when it filled 64 MB each time.
constexpr size_t kBulkBytes = 1024 * 1024;

// The memtable of one index, in a list of the backend's. Lives until the transaction ends.
struct IndexMemtable {
  Oid index;
  Memtable rows;
  Memtable nan_rows;   // Unranked::kNan
  Memtable null_rows;  // Unranked::kNull
  OwnRun run;
  bool bulk;       // memory has been full of its rows
  bool unchecked;  // a flush failed before the check that serializable readers missed no row
  IndexMemtable* next;

  IndexMemtable(Oid oid, uint32_t dimensions)
      : index(oid),
        rows(dimensions),
        nan_rows(0),
        null_rows(0),
        run{},
        bulk(false),
        unchecked(false),
        next(nullptr) {}

  Memtable* parts[3] = {&rows, &nan_rows, &null_rows};

  Memtable& unranked(Unranked kind) { return kind == Unranked::kNan ? nan_rows : null_rows; }

  bool empty() const {
    return std::all_of(std::begin(parts), std::end(parts),
                       [](const Memtable* part) { return part->rows() == 0; });
  }
  size_t bytes() const { return rows.bytes() + nan_rows.bytes() + null_rows.bytes(); }
  size_t superseded_bytes() const {
    return rows.superseded_bytes() + nan_rows.superseded_bytes() + null_rows.superseded_bytes();
  }
};

IndexMemtable* memtables = nullptr;
bool committing = false;  // the pre-commit flush has run: nothing may be buffered any more
ExecutorStart_hook_type previous_executor_start = nullptr;
object_access_hook_type previous_object_access = nullptr;

void drop_all() {
  while (memtables != nullptr) {
    IndexMemtable* next = memtables->next;
    delete memtables;
    memtables = next;
  }
  committing = false;
}

IndexMemtable* find(Oid index) {
  IndexMemtable* memtable = memtables;
  while (memtable != nullptr && memtable->index != index) {
    memtable = memtable->next;
  }
  return memtable;
}

IndexMemtable* find_or_create(Oid index, uint32_t dimensions) {
  IndexMemtable* memtable = find(index);
  if (memtable == nullptr) {
    memtable = new IndexMemtable(index, dimensions);
    memtable->next = memtables;
    memtables = memtable;
  }
  return memtable;
}

size_t live_bytes() {
  size_t bytes = 0;
  for (const IndexMemtable* m = memtables; m != nullptr; m = m->next) {
    bytes += m->bytes();
  }
  return bytes;
}

// Memory for live rows: what superseded ones, which stay until their fate is decided, leave of the
// limit, but enough for flushes that are worth their while.
size_t live_limit() {
  const size_t limit = memtable_limit();
  size_t superseded = 0;
  for (const IndexMemtable* m = memtables; m != nullptr; m = m->next) {
    superseded += m->superseded_bytes();
  }
  return std::max(limit - std::min(superseded, limit), std::min(limit, kBulkBytes));
}

// Counts the rows of a memtable that a flush has brought into the pages, and drops them from it at
// the end, on an error too: after ROLLBACK TO, COMMIT would write them again.
class FlushedRows {
 public:
  explicit FlushedRows(Memtable* rows) : rows_(rows) {}
  ~FlushedRows() { rows_->drop_live(count_); }
  FlushedRows(const FlushedRows&) = delete;
  FlushedRows& operator=(const FlushedRows&) = delete;

  size_t* count() { return &count_; }

 private:
  Memtable* rows_;
  size_t count_ = 0;
};

void append_live_rows(Relation index, IndexMemtable* memtable, bool bulk) {
  const Memtable& rows = memtable->rows;
  FlushedRows flushed(&memtable->rows);
  std::vector<AppendRow> live;
  live.reserve(rows.rows());
  for (uint32_t i = 0; i < rows.rows(); i++) {
    live.push_back({rows.tid(i), rows.row(i)});
  }
  call_pg([&] {
    Metapage metapage;
    read_metapage(index, &metapage);
    if (metapage.dimensions != rows.dimensions()) {
      elog(ERROR, "vseg index \"%s\" has %u dimensions, its memtable %u",
           RelationGetRelationName(index), metapage.dimensions, rows.dimensions());
    }
    memtable->unchecked = true;
    flush_rows(index, metapage, {{live.data(), live.size(), flushed.count(), false}, bulk},
               &memtable->run);
    memtable->unchecked = false;
  });
}

void append_live_unranked(Relation index, IndexMemtable* memtable, Unranked kind) {
  const Memtable& rows = memtable->unranked(kind);
  if (rows.rows() == 0) {
    return;
  }
  FlushedRows flushed(&memtable->unranked(kind));
  std::vector<UnrankedEntry> live;
  live.reserve(rows.rows());
  for (uint32_t i = 0; i < rows.rows(); i++) {
    live.push_back({rows.tid(i), kind});
  }
  call_pg([&] {
    Metapage metapage;
    read_metapage(index, &metapage);
    memtable->unchecked = true;
    append_unranked(index, metapage.unranked, live.data(), live.size(), flushed.count());
    memtable->unchecked = false;
  });
}

// Makes up for the check that a failed flush, which left no rows behind, has not come to.
void check_for_readers(Relation index, IndexMemtable* memtable) {
  call_pg([&] { CheckForSerializableConflictIn(index, nullptr, InvalidBlockNumber); });
  memtable->unchecked = false;
}

// Writes the live rows of `memtable`, in the order they came, and drops those that were written.
// Raises errors: then a subtransaction aborts, or the transaction.
void flush(IndexMemtable* memtable, bool bulk) {
  if (memtable->empty() && !memtable->unchecked) {
    return;
  }
  run_cpp([&] {
    Relation index = call_pg([&] { return try_index_open(memtable->index, RowExclusiveLock); });
    if (index == nullptr) {
      // Dropped by this transaction. The rows stay: ROLLBACK TO may bring the index back. Nobody
      // else can drop or rebuild it, since our lock on the table, held until the transaction ends,
      // stands against that.
      return;
    }
    if (memtable->rows.rows() > 0) {
      append_live_rows(index, memtable, bulk);
    }
    for (Unranked kind : kUnrankedKinds) {
      append_live_unranked(index, memtable, kind);
    }
    if (memtable->unchecked) {
      check_for_readers(index, memtable);
    }
    call_pg([&] { index_close(index, NoLock); });
  });
}

void flush_all() {
  for (IndexMemtable* m = memtables; m != nullptr; m = m->next) {
    flush(m, false);
  }
}

// Memory is full: this is a bulk load into those indexes that fill most of it. Only `loaded` is
// likely to get more rows.
void flush_overflow(const IndexMemtable* loaded) {
  const size_t limit = live_limit();
  for (IndexMemtable* m = memtables; m != nullptr; m = m->next) {
    const bool bulk = m->bytes() > limit / 2 || m->rows.rows() >= most_rows_in_memory();
    m->bulk = m->bulk || bulk;
    flush(m, bulk);
    if (m != loaded) {
      for (Memtable* part : m->parts) {
        part->free_spare();
      }
    }
  }
}

void flush_if_full(IndexMemtable* memtable) {
  if (live_bytes() > live_limit() || memtable->rows.rows() >= most_rows_in_memory()) {
    flush_overflow(memtable);
  } else if (memtable->bulk && memtable->rows.bytes() > kBulkBytes) {
    flush(memtable, true);
  }
}

void at_transaction_event(XactEvent event, void* /*arg*/) {
  switch (event) {
    case XACT_EVENT_PRE_COMMIT:
    case XACT_EVENT_PRE_PREPARE:
      flush_all();
      committing = true;
      break;
    case XACT_EVENT_COMMIT:
    case XACT_EVENT_PREPARE:
    case XACT_EVENT_ABORT:
      drop_all();
      break;
    case XACT_EVENT_PARALLEL_PRE_COMMIT:
    case XACT_EVENT_PARALLEL_COMMIT:
    case XACT_EVENT_PARALLEL_ABORT:
      break;  // parallel workers insert nothing
  }
}

void at_subtransaction_event(SubXactEvent event, SubTransactionId id, SubTransactionId parent,
                             void* /*arg*/) {
  for (IndexMemtable* m = memtables; m != nullptr; m = m->next) {
    for (Memtable* part : m->parts) {
      if (event == SUBXACT_EVENT_ABORT_SUB) {
        part->abort_subtransaction(id);
      } else if (event == SUBXACT_EVENT_COMMIT_SUB) {
        part->commit_subtransaction(id, parent);
      }
    }
  }
}

// Parallel workers scan pages, not our memory: what they may look for must be there.
void flush_before_parallel_query(QueryDesc* query, int flags) {
  if (memtables != nullptr && query->plannedstmt->parallelModeNeeded && !IsInParallelMode()) {
    flush_all();
  }
  if (previous_executor_start != nullptr) {
    previous_executor_start(query, flags);
  } else {
    standard_ExecutorStart(query, flags);
  }
}

// ALTER TABLE ... ALTER COLUMN ... TYPE that changes no row drops the index and makes another one
// of the same pages, without building it: the pages must have our rows by then.
void flush_before_internal_drop(ObjectAccessType access, Oid catalog, Oid object, int column,
                                void* arg) {
  if (previous_object_access != nullptr) {
    previous_object_access(access, catalog, object, column, arg);
  }
  if (access == OAT_DROP && catalog == RelationRelationId && column == 0 &&
      (static_cast<ObjectAccessDrop*>(arg)->dropflags & PERFORM_DELETION_INTERNAL) != 0) {
    memtable_flush(object);
  }
}

// Locks the index, as the statement has, to the end of the transaction: COMMIT would else wait, or
// meet a deadlock, where an index is locked without its table (ALTER INDEX ... SET TABLESPACE).
// Rows that come later belong to the same subtransaction, which keeps the lock, or to one within
// it.
void keep_index(Relation index) { LockRelationOid(RelationGetRelid(index), RowExclusiveLock); }

}  // namespace

void memtable_insert(Relation index, const IndexRow& row) {
  if (committing) {
    write_through(index, row);
    return;
  }
  IndexMemtable* memtable =
      run_cpp([&] { return find_or_create(RelationGetRelid(index), row.dimensions); });
  if (memtable->rows.rows() == 0) {
    keep_index(index);
    admit_rows(index);
  }
  const SubTransactionId subtransaction = GetCurrentSubTransactionId();
  run_cpp([&] { memtable->rows.append(row.tid, row.vector, subtransaction); });
  flush_if_full(memtable);
}

void memtable_insert_unranked(Relation index, const UnrankedEntry& row) {
  if (committing) {
    write_through_unranked(index, row);
    return;
  }
  IndexMemtable* memtable = find(RelationGetRelid(index));
  if (memtable == nullptr) {
    Metapage metapage;
    read_metapage(index, &metapage);
    memtable =
        run_cpp([&] { return find_or_create(RelationGetRelid(index), metapage.dimensions); });
  }
  if (memtable->empty()) {
    keep_index(index);
  }
  const SubTransactionId subtransaction = GetCurrentSubTransactionId();
  run_cpp([&] { memtable->unranked(row.kind).append(row.tid, nullptr, subtransaction); });
  flush_if_full(memtable);
}

void write_through_unranked(Relation index, const UnrankedEntry& row) {
  Metapage metapage;
  read_metapage(index, &metapage);
  size_t done = 0;
  append_unranked(index, metapage.unranked, &row, 1, &done);
}

void write_through(Relation index, const IndexRow& row) {
  if (!committing) {
    admit_rows(index);
  }
  Metapage metapage;
  read_metapage(index, &metapage);
  const AppendRow append = {row.tid, row.vector};
  size_t done = 0;
  OwnRun none = {};
  flush_rows(index, metapage, {{&append, 1, &done, false}, false}, &none);
}

void memtable_flush(Oid index) {
  IndexMemtable* memtable = find(index);
  if (memtable != nullptr) {
    flush(memtable, false);
  }
}

void memtable_supersede(Oid index) {
  IndexMemtable* memtable = find(index);
  if (memtable != nullptr) {
    const SubTransactionId subtransaction = GetCurrentSubTransactionId();
    run_cpp([&] {
      for (Memtable* part : memtable->parts) {
        part->supersede(subtransaction);
      }
    });
  }
}

void install_memtable_callbacks() {
  RegisterXactCallback(at_transaction_event, nullptr);
  RegisterSubXactCallback(at_subtransaction_event, nullptr);
  previous_executor_start = ExecutorStart_hook;
  ExecutorStart_hook = flush_before_parallel_query;
  previous_object_access = object_access_hook;
  object_access_hook = flush_before_internal_drop;
}

}  // namespace pg
}  // namespace vseg
