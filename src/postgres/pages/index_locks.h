// The heavyweight locks of an index.
#ifndef VSEG_POSTGRES_PAGES_INDEX_LOCKS_H_
#define VSEG_POSTGRES_PAGES_INDEX_LOCKS_H_

#include "postgres/boundary/postgres_headers.h"

#include "engine/common/types.h"

namespace vseg {
namespace pg {

// Interruptible, seen by the deadlock detector, and gone with
// the transaction. A job's lock is taken before PUBLISH, SEAL before MERGE before MERGE_SMALL, and
// PUBLISH before any buffer lock. Long work holds a job's lock, never PUBLISH.
//
// They are locks on tuple 0 of the page of that number, which no index has: PostgreSQL 15 leaves
// locks on pages out of deadlock detection, and asserts that who holds one takes no other.
enum class IndexLock : BlockNumber {
  kPublish = 0,     // who changes the directory, or must not see it change
  kSeal = 1,        // who freezes append chains and turns flat runs into segments
  kMerge = 2,       // who merges segments
  kMergeSmall = 3,  // who merges small ones meanwhile
};

void lock_index(Relation index, IndexLock lock);
bool try_lock_index(Relation index, IndexLock lock);
void unlock_index(Relation index, IndexLock lock);

// Whether a transaction of another backend has the lock. Only looks: taking it for a moment would
// have whoever tries to take it meanwhile believe that somebody is at work.
bool is_held_by_others(const LOCKTAG& tag);
bool is_index_lock_taken(Relation index, IndexLock lock);

// Makes a member one that this backend alone may replace, until it is released or the transaction
// or subtransaction aborts; false if it is another's. Whether it is still in the directory is to be
// seen afterwards. A lock on tuple 1 of the page of the member's number.
bool try_claim_member(Relation index, uint32_t id);
void release_member(Relation index, uint32_t id);

// Whether another backend has claimed it.
bool is_member_claimed(Relation index, uint32_t id);

}  // namespace pg
}  // namespace vseg

#endif  // VSEG_POSTGRES_PAGES_INDEX_LOCKS_H_
