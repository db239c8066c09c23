#include "postgres/workers/idle_tail.h"

extern "C" {
#include "access/parallel.h"
#include "access/xlog.h"
}

#include "postgres/merge/tail.h"
#include "postgres/workers/worker_start.h"
#include "postgres/options/options.h"
#include "postgres/statistics/index_statistics.h"
#include "postgres/directory/metapage.h"

namespace vseg {
namespace pg {
namespace {

constexpr int64 kSecond = 1000000;

bool is_idle(const UnsealedRows& tail) {
  return tail_seal_rows() > 0 && tail_idle_time() > 0 &&
         tail.rows >= static_cast<uint64_t>(idle_seal_rows()) &&
         tail.idle_seconds >= static_cast<uint32_t>(tail_idle_time());
}

}  // namespace

void tail_was_met(Relation index, const UnsealedRows& tail) {
  if (!is_idle(tail) || IsParallelWorker() || RecoveryInProgress() || !can_be_maintained(index) ||
      is_index_lock_taken(index, IndexLock::kSeal) ||
      !claim_idle_tail(index, tail_idle_time() * kSecond)) {
    return;
  }
  // The search may have been open for long.
  if (is_idle(look_at_tail(index).unsealed)) {
    start_worker_for(index, WorkCause::kSeal, idle_seal_rows());
  }
}

}  // namespace pg
}  // namespace vseg
