// Giving the end of the file back.
#ifndef VSEG_POSTGRES_DIRECTORY_TRUNCATION_H_
#define VSEG_POSTGRES_DIRECTORY_TRUNCATION_H_

#include "postgres/boundary/postgres_headers.h"

namespace vseg {
namespace pg {

// Truncates the file behind the last extent that is taken, as VACUUM does with tables: where that
// frees 1,000 blocks or a sixteenth of it, nobody else uses the index, now or within
// `milliseconds`, and the table's vacuum_truncate does not forbid it. Returns whether it had the
// lock. REQUIRES: that the caller has no buffer of the index pinned and may take locks.
bool truncate_if_worthwhile(Relation index, int milliseconds);

// Whether that would do anything, were the lock to be had.
bool is_truncation_due(Relation index);

}  // namespace pg
}  // namespace vseg

#endif  // VSEG_POSTGRES_DIRECTORY_TRUNCATION_H_
