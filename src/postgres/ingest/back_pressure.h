// What an inserter does for the tail that it makes longer: it has it sealed, and waits, or seals
// itself, where the tail grows faster than it is sealed.
#ifndef VSEG_POSTGRES_INGEST_BACK_PRESSURE_H_
#define VSEG_POSTGRES_INGEST_BACK_PRESSURE_H_

#include "postgres/boundary/postgres_headers.h"

#include "postgres/merge/tail.h"
#include "postgres/append/append_chain.h"

namespace vseg {
namespace pg {

// After `count` rows were appended: where the chain has grown by an entry page and the tail has
// vseg.tail_seal_rows, starts a worker, or makes a run of a chain that is long enough. Never waits:
// it is called while a transaction commits. Raises errors of reading the index.
void rows_appended(Relation index, const Appended& appended, size_t count);

// Before rows of a transaction are buffered, or written one by one: holds up an inserter, at
// most for ten minutes, as vseg.tail_slowdown_rows and vseg.tail_stop_rows say. May run a
// subtransaction. To be called in aminsert only, where locks of the transaction are no one's
// concern but other writers', never in a commit. Raises errors of interrupts.
void admit_rows(Relation index);

}  // namespace pg
}  // namespace vseg

#endif  // VSEG_POSTGRES_INGEST_BACK_PRESSURE_H_
