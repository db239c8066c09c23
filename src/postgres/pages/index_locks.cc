#include "postgres/pages/index_locks.h"

extern "C" {
#include "storage/lock.h"
#include "utils/rel.h"
}

namespace vseg {
namespace pg {
namespace {

LOCKTAG tuple_tag(Relation index, BlockNumber block, OffsetNumber tuple) {
  const LockRelId& id = index->rd_lockInfo.lockRelId;
  LOCKTAG tag;
  SET_LOCKTAG_TUPLE(tag, id.dbId, id.relId, block, tuple);
  return tag;
}

LOCKTAG lock_tag(Relation index, IndexLock lock) {
  return tuple_tag(index, static_cast<BlockNumber>(lock), 0);
}

LOCKTAG member_tag(Relation index, uint32_t id) { return tuple_tag(index, id, 1); }

}  // namespace

bool is_held_by_others(const LOCKTAG& tag) {
  int holders = 0;
  pfree(GetLockConflicts(&tag, ExclusiveLock, &holders));
  return holders > 0;
}

void lock_index(Relation index, IndexLock lock) {
  const LOCKTAG tag = lock_tag(index, lock);
  LockAcquire(&tag, ExclusiveLock, false, false);
}

bool try_lock_index(Relation index, IndexLock lock) {
  const LOCKTAG tag = lock_tag(index, lock);
  return LockAcquire(&tag, ExclusiveLock, false, true) != LOCKACQUIRE_NOT_AVAIL;
}

void unlock_index(Relation index, IndexLock lock) {
  const LOCKTAG tag = lock_tag(index, lock);
  LockRelease(&tag, ExclusiveLock, false);
}

bool is_index_lock_taken(Relation index, IndexLock lock) {
  return is_held_by_others(lock_tag(index, lock));
}

bool try_claim_member(Relation index, uint32_t id) {
  const LOCKTAG tag = member_tag(index, id);
  return LockAcquire(&tag, ExclusiveLock, false, true) != LOCKACQUIRE_NOT_AVAIL;
}

void release_member(Relation index, uint32_t id) {
  const LOCKTAG tag = member_tag(index, id);
  LockRelease(&tag, ExclusiveLock, false);
}

bool is_member_claimed(Relation index, uint32_t id) {
  return is_held_by_others(member_tag(index, id));
}

}  // namespace pg
}  // namespace vseg
