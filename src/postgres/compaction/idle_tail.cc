#include "postgres/compaction/idle_tail.h"

extern "C" {
#include "access/xlog.h"
#include "utils/timestamp.h"
}

#include "postgres/compaction/tail.h"
#include "postgres/compaction/worker_start.h"
#include "postgres/options/options.h"
#include "postgres/storage/directory.h"

namespace vseg {
namespace pg {
namespace {

// When this backend has last had the tail of an index sealed; direct-mapped, where two meet one is
// forgotten.
struct Attempt {
  Oid index;
  TimestampTz at;
};
Attempt attempts[16];

bool is_idle(const UnsealedRows& tail) {
  return tail_seal_rows() > 0 && tail_idle_time() > 0 &&
         tail.rows >= static_cast<uint64_t>(idle_seal_rows()) &&
         tail.idle_seconds >= static_cast<uint32_t>(tail_idle_time());
}

// A worker that fails, or cannot be had, is not asked for by every search.
bool is_time_to_try(Oid index) {
  constexpr int64 kSecond = 1000000;
  Attempt* last = &attempts[index % lengthof(attempts)];
  const TimestampTz now = GetCurrentTimestamp();
  if (last->index == index && now - last->at < tail_idle_time() * kSecond) {
    return false;
  }
  *last = {index, now};
  return true;
}

}  // namespace

void tail_was_met(Relation index, const UnsealedRows& tail) {
  if (!is_idle(tail) || RecoveryInProgress() || !can_be_maintained(index) ||
      !is_time_to_try(RelationGetRelid(index))) {
    return;
  }
  if (!is_index_lock_taken(index, IndexLock::kSeal)) {
    start_worker_for(index, idle_seal_rows());
  }
}

}  // namespace pg
}  // namespace vseg
