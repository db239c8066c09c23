// Codes of an append chain's groups, WAL-logged.
#ifndef VSEG_POSTGRES_APPEND_APPEND_CODES_H_
#define VSEG_POSTGRES_APPEND_APPEND_CODES_H_

#include "postgres/append/append_tail.h"

namespace vseg {
namespace pg {

// Gives codes to all groups of the locked tail that are complete and have none: usually what the
// caller has just completed, and what an appender before has not come to. Raises errors; whatever
// it has written by then is right.
void code_groups(Appender* a);

// Frees what code_groups() has kept in `a` for the next call.
void end_coding(Appender* a);

}  // namespace pg
}  // namespace vseg

#endif  // VSEG_POSTGRES_APPEND_APPEND_CODES_H_
