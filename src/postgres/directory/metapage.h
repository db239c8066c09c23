// The metapage: created with the index, copied by scans, changed by publishes.
#ifndef VSEG_POSTGRES_DIRECTORY_METAPAGE_H_
#define VSEG_POSTGRES_DIRECTORY_METAPAGE_H_

#include "postgres/boundary/postgres_headers.h"

#include "engine/format/metapage_format.h"

namespace vseg {
namespace pg {

// What CREATE INDEX fixes for the index's life.
struct IndexIdentity {
  uint32_t dimensions;
  Metric metric;
  uint16_t m;
  uint16_t ef_construction;
};

// Writes metapage, allocation map, statistics and an empty append chain into an empty fork,
// WAL-logged (the init fork of an unlogged index too). The directory lists the chain.
void create_empty_index(Relation index, ForkNumber fork, const IndexIdentity& identity);

// Copies the metapage under a share lock, checked: ERRCODE_INDEX_CORRUPTED if it is damaged,
// ERRCODE_FEATURE_NOT_SUPPORTED if another version of vseg wrote it. `snapshot` as for
// check_old_snapshot, null for who searches nothing.
void read_metapage(Relation index, Metapage* copy, Snapshot snapshot = nullptr);

// The heavyweight locks of an index: interruptible, seen by the deadlock detector, and gone with
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

// Locks the metapage exclusively and puts it into a WAL record; `*page` is the image to change.
// REQUIRES: the PUBLISH lock, or an index nobody else can see yet.
Buffer open_metapage_for_publish(Relation index, GenericXLogState* record, Metapage** page);

// A chain or run that takes rows.
struct ChainRef {
  uint32_t id;
  BlockNumber header_block;
};

// Append chains an index may have: up to as many writers need not wait for one another. Each is one
// more member for a search to read.
constexpr uint32_t kMaxAppendChains = 4;

uint32_t count_members(const Metapage& metapage, MemberKind kind);

// The append chain of this backend: neighbours by backend number have different ones, as far as
// there are. Raises ERRCODE_INDEX_CORRUPTED if there is none.
ChainRef own_append_chain(Relation index, const Metapage& metapage);

}  // namespace pg
}  // namespace vseg

#endif  // VSEG_POSTGRES_DIRECTORY_METAPAGE_H_
