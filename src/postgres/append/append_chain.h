// Appending rows to an append chain, WAL-logged.
#ifndef VSEG_POSTGRES_APPEND_APPEND_CHAIN_H_
#define VSEG_POSTGRES_APPEND_APPEND_CHAIN_H_

#include "postgres/boundary/postgres_headers.h"

#include "engine/common/types.h"
#include "engine/format/metapage_format.h"
#include "postgres/directory/metapage.h"

namespace vseg {
namespace pg {

struct AppendRow {
  Tid tid;
  const float* vector;
};

struct RowsToAppend {
  const AppendRow* rows;
  size_t count;
  size_t* done;  // of them that are in the pages, at any moment: right after an error, too
  bool unseen;   // by others, as in a build: the chain is the only one and stays it
};

// What became of the chain.
struct Appended {
  ChainRef chain;  // the one that took the last rows
  uint64_t rows;   // it has now
  bool grown;      // by an entry page: a time to look how long the tail is
};

// Appends rows in order to `chain`, which `metapage` lists, a batch under one lock and, where it
// can, in one WAL record. Turns to an append chain when it is closed meanwhile, and to a new one
// when others hold its tail all the time. Raises errors: the first `*rows.done` rows have been
// appended by then, and nothing takes that back. Ends with the check that serializable readers have
// not missed the rows.
Appended append_rows(Relation index, const Metapage& metapage, const ChainRef& chain,
                     const RowsToAppend& rows);

}  // namespace pg
}  // namespace vseg

#endif  // VSEG_POSTGRES_APPEND_APPEND_CHAIN_H_
