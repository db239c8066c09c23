// What there is to do with an index.
#ifndef VSEG_POSTGRES_MERGE_DUE_WORK_H_
#define VSEG_POSTGRES_MERGE_DUE_WORK_H_

#include <cstdint>

#include "postgres/boundary/postgres_headers.h"

namespace vseg {
namespace pg {

// The index, locked, if nobody is in the way and there is still something to do with it.
Relation open_index_to_maintain(Oid oid);

// Whether the tail has `seal_at` rows or more, and nobody is sealing.
bool is_tail_long(Relation index, int seal_at);

// Whether segments are due to be merged into one of up to `most` rows.
bool is_merge_due(Relation index, uint64_t most);

// Whether a merge is due that nobody is in the way of.
bool can_merge(Relation index);

}  // namespace pg
}  // namespace vseg

#endif  // VSEG_POSTGRES_MERGE_DUE_WORK_H_
