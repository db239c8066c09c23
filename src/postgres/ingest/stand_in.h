// What an inserter does in the stead of background workers: a share of sealing, and of merging.
#ifndef VSEG_POSTGRES_INGEST_STAND_IN_H_
#define VSEG_POSTGRES_INGEST_STAND_IN_H_

#include "postgres/boundary/postgres_headers.h"

namespace vseg {
namespace pg {

enum class Help {
  kDone,
  kInPart,   // sealed, but merging took too long, and would do so again
  kBusy,     // others are in the way, or there is nothing to do
  kFailed,   // with a warning; or sealing took too long
  kTooLong,  // merging did, and would do so again
};

// Both work in a subtransaction, which gets neither snapshot nor transaction ID, and wait for
// nobody: SEAL and MERGE are taken only if they are free. Errors of the work become a WARNING;
// raises those of cancel and shutdown.
//
// Seals vseg.tail_seal_rows rows of the oldest runs, but at least one run, within half a minute, or
// ten where that run is longer, and then, if it `merges`, what is due and not much larger than
// that, within a minute.
Help seal_as_inserter(Relation index, bool merges);

// Merges the two smallest segments, however large they are, within ten minutes: where segments fill
// the directory, nobody can seal before.
Help make_room_as_inserter(Relation index);

// Whether that makes room: not where two segments do not fit into memory.
bool can_make_room(Relation index);

}  // namespace pg
}  // namespace vseg

#endif  // VSEG_POSTGRES_INGEST_STAND_IN_H_
