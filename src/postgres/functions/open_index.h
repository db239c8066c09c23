// What the SQL functions on an index share.
#ifndef VSEG_POSTGRES_FUNCTIONS_OPEN_INDEX_H_
#define VSEG_POSTGRES_FUNCTIONS_OPEN_INDEX_H_

#include "postgres/boundary/postgres_headers.h"

namespace vseg {
namespace pg {

// Who may do it, and who gets ERRCODE_INSUFFICIENT_PRIVILEGE.
enum class Audience {
  kOwner,           // of the index
  kOwnerOrMonitor,  // the same, or a member of pg_monitor
};

// Opens and locks a vseg index for a user who may use it: the lock of one who may not would stand
// in the way of others. Raises ERRCODE_WRONG_OBJECT_TYPE if it is something else,
// ERRCODE_FEATURE_NOT_SUPPORTED if it is a temporary one of another session.
Relation open_vseg_index(Oid oid, LOCKMODE mode, Audience audience);

}  // namespace pg
}  // namespace vseg

#endif  // VSEG_POSTGRES_FUNCTIONS_OPEN_INDEX_H_
