// What an inserter does for the tail that it makes longer.
#ifndef VSEG_POSTGRES_COMPACTION_INGEST_H_
#define VSEG_POSTGRES_COMPACTION_INGEST_H_

#include "postgres/boundary/postgres_headers.h"

#include "postgres/storage/append_chain.h"

namespace vseg {
namespace pg {

// After rows were appended: where the chain has grown by an entry page and the tail has
// vseg.tail_seal_rows, starts a worker, or makes a run of a chain that is long enough. Never waits:
// it is called while a transaction commits. Raises errors of reading the index.
void rows_appended(Relation index, const Appended& appended);

}  // namespace pg
}  // namespace vseg

#endif  // VSEG_POSTGRES_COMPACTION_INGEST_H_
