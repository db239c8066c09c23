// The backend's memtables: rows its transaction inserted and has not written yet, one memtable an
// index, flushed into append pages at commit or before.
//
// Why this is right, rule by rule, stands in src/postgres/README.md.
#ifndef VSEG_POSTGRES_INGEST_TRANSACTION_MEMTABLE_H_
#define VSEG_POSTGRES_INGEST_TRANSACTION_MEMTABLE_H_

#include "postgres/boundary/postgres_headers.h"

#include "engine/common/types.h"
#include "engine/format/unranked_format.h"

namespace vseg {
namespace pg {

// A row as the index takes it: `vector` in the metric's form, `dimensions` long.
struct IndexRow {
  Tid tid;
  const float* vector;
  uint32_t dimensions;
};

// Adds a row to the memtable of `index`; flushes when the backend's memtables exceed
// vseg.memtable_size or this one has most_rows_in_memory(), and from then on at every megabyte.
// Once the transaction's pre-commit flush has run, the row is written at once.
void memtable_insert(Relation index, const IndexRow& row);

// The same with a row that has no distance.
void memtable_insert_unranked(Relation index, const UnrankedEntry& row);

// Writes a row at once.
void write_through(Relation index, const IndexRow& row);
void write_through_unranked(Relation index, const UnrankedEntry& row);

// Writes the rows buffered for `index`, so that a scan of it finds them.
void memtable_flush(Oid index);

// The index is being rebuilt from the heap: rows buffered so far are in it, unless the
// subtransaction that rebuilds it aborts.
void memtable_supersede(Oid index);

// Installs transaction callbacks and the executor hook; called once, when the library is loaded.
void install_memtable_callbacks();

}  // namespace pg
}  // namespace vseg

#endif  // VSEG_POSTGRES_INGEST_TRANSACTION_MEMTABLE_H_
