// What the SQL functions on an index share.
#ifndef VSEG_POSTGRES_FUNCTIONS_OPEN_INDEX_H_
#define VSEG_POSTGRES_FUNCTIONS_OPEN_INDEX_H_

#include "postgres/boundary/postgres_headers.h"

namespace vseg {
namespace pg {

// Opens and locks a vseg index. Raises ERRCODE_WRONG_OBJECT_TYPE if it is something else,
// ERRCODE_FEATURE_NOT_SUPPORTED if it is a temporary one of another session.
Relation open_vseg_index(Oid oid, LOCKMODE mode);

// Raises ERRCODE_INSUFFICIENT_PRIVILEGE unless the current user owns the index.
void require_owner(Relation index);

// The same for who is neither owner nor a member of pg_monitor.
void require_owner_or_monitor(Relation index);

}  // namespace pg
}  // namespace vseg

#endif  // VSEG_POSTGRES_FUNCTIONS_OPEN_INDEX_H_
