#include "postgres/merge/due_work.h"

extern "C" {
#include "access/xlog.h"
#include "catalog/index.h"
#include "commands/defrem.h"
}

#include "postgres/boundary/guard.h"
#include "postgres/merge/merge_job.h"
#include "postgres/merge/tail.h"
#include "postgres/directory/directory.h"

namespace vseg {
namespace pg {

Relation open_index_to_maintain(Oid oid) {
  if (RecoveryInProgress() || !ConditionalLockRelationOid(oid, RowExclusiveLock)) {
    return nullptr;
  }
  Relation index = try_relation_open(oid, NoLock);
  if (index == nullptr) {
    return nullptr;
  }
  if (index->rd_rel->relkind != RELKIND_INDEX ||
      index->rd_rel->relam != get_index_am_oid("vseg", true) || !can_be_maintained(index)) {
    relation_close(index, NoLock);
    return nullptr;
  }
  return index;
}

bool is_tail_long(Relation index, int seal_at) {
  return !is_index_lock_taken(index, IndexLock::kSeal) &&
         look_at_tail(index).unsealed.rows >= static_cast<uint64_t>(seal_at);
}

bool is_merge_due(Relation index, uint64_t most) {
  return run_cpp([&] {
    ProgressMonitor monitor;
    MergeJob job(index, worker_resources(), monitor);
    return !due_merge(index, &job, most).empty();
  });
}

bool can_merge(Relation index) {
  const bool any = !is_index_lock_taken(index, IndexLock::kMerge);
  return (any || !is_index_lock_taken(index, IndexLock::kMergeSmall)) &&
         is_merge_due(index, any ? kAllRows : small_merge_rows());
}

}  // namespace pg
}  // namespace vseg
