// Appending rows to an append chain, WAL-logged.
#ifndef VSEG_POSTGRES_STORAGE_APPEND_CHAIN_H_
#define VSEG_POSTGRES_STORAGE_APPEND_CHAIN_H_

#include "postgres/boundary/postgres_headers.h"

#include "engine/common/types.h"
#include "engine/format/metapage.h"

namespace vseg {
namespace pg {

struct AppendRow {
  Tid tid;
  const float* vector;
};

// Appends rows in order to the chain, a batch under one lock and, where it can, in one WAL record.
// On an error some of them may have been appended: they belong to a transaction that aborts.
// Raises errors; ends with the check that serializable readers have not missed the rows. Returns
// whether the chain has grown by an entry page: a time to look how long it is.
bool append_rows(Relation index, const Metapage& metapage, const AppendRow* rows, size_t count);

}  // namespace pg
}  // namespace vseg

#endif  // VSEG_POSTGRES_STORAGE_APPEND_CHAIN_H_
