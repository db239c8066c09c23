// Where rows of a memtable go: an append chain, or, in bulk loads, a flat run of their own.
#ifndef VSEG_POSTGRES_INGEST_FLUSH_H_
#define VSEG_POSTGRES_INGEST_FLUSH_H_

#include "postgres/boundary/postgres_headers.h"

#include "postgres/append/append_chain.h"

namespace vseg {
namespace pg {

// The flat run that this transaction has listed and still appends to; chain.id 0: none. Nobody else
// appends to it. It is forgotten, not ended: whoever seals it closes it.
struct OwnRun {
  uint64_t incarnation;  // of the index: REINDEX and ROLLBACK TO bring in others
  ChainRef chain;
  uint64_t rows;
  uint32_t listed;  // by this transaction so far
};

struct RowsToFlush {
  RowsToAppend append;
  bool bulk;  // more than memory may hold, and more to come
};

// Appends the rows to the transaction's own run, if it has one or gets one because this is a bulk
// load, else to the backend's append chain. Raises errors, as append_rows() does.
void flush_rows(Relation index, const Metapage& metapage, const RowsToFlush& rows, OwnRun* run);

}  // namespace pg
}  // namespace vseg

#endif  // VSEG_POSTGRES_INGEST_FLUSH_H_
