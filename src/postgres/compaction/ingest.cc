// See README.md beside src/postgres/storage for the protocol.
#include "postgres/compaction/ingest.h"

#include "postgres/compaction/tail.h"
#include "postgres/compaction/worker.h"
#include "postgres/options/options.h"
#include "postgres/storage/directory.h"
#include "postgres/storage/metapage.h"

namespace vseg {
namespace pg {
namespace {

// A chain that is long enough becomes a run, another takes its place: runs are what a share of
// sealing is made of. So many at most wait in the directory: more would only be more to search.
void freeze_if_long(Relation index, const Appended& appended, const Tail& tail) {
  if (appended.rows < static_cast<uint64_t>(tail_seal_rows()) || tail.runs >= kMaxRunsOfInserters ||
      !try_lock_index(index, IndexLock::kPublish)) {
    return;
  }
  freeze_append_chain(index, appended.chain.id);
  unlock_index(index, IndexLock::kPublish);
}

}  // namespace

void rows_appended(Relation index, const Appended& appended) {
  const int seal_rows = tail_seal_rows();
  if (seal_rows == 0 || !appended.grown || !can_be_maintained(index)) {
    return;
  }
  const Tail tail = look_at_tail(index);
  if (tail.rows < static_cast<uint64_t>(seal_rows)) {
    return;
  }
  if (is_index_lock_taken(index, IndexLock::kSeal) || !start_worker_for(index)) {
    freeze_if_long(index, appended, tail);
  }
}

}  // namespace pg
}  // namespace vseg
