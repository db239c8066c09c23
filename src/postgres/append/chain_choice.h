// Which chain an appender goes on with: its own is frozen, or contended.
#ifndef VSEG_POSTGRES_APPEND_CHAIN_CHOICE_H_
#define VSEG_POSTGRES_APPEND_CHAIN_CHOICE_H_

#include "postgres/boundary/postgres_headers.h"

#include "postgres/append/append_tail.h"

namespace vseg {
namespace pg {

// The chain has been closed since the directory was read, which lists another by now. Our
// transaction, which began before, has kept the closed chain's pages from being reused meanwhile.
void turn_to_append_chain(Appender* a);

// Notes whether the lock on a tail had to be waited for.
void note_tail_lock(Relation index, bool waited);

// Where that is so too often, takes a chain that nobody else uses yet.
void leave_contended_chain(Appender* a);

}  // namespace pg
}  // namespace vseg

#endif  // VSEG_POSTGRES_APPEND_CHAIN_CHOICE_H_
