// See src/postgres/README.md for the protocol.
#include "postgres/directory/truncation.h"

#include <algorithm>

extern "C" {
#include "access/xact.h"
#include "catalog/storage.h"
#include "pgstat.h"
#include "storage/latch.h"
#include "storage/lmgr.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/wait_event.h"
}

#include "engine/format/page_format.h"
#include "postgres/boundary/fault_point.h"
#include "postgres/pages/extents.h"

namespace vseg {
namespace pg {
namespace {

// As vacuumlazy.c has it.
bool is_worthwhile(BlockNumber blocks, BlockNumber end) {
  constexpr BlockNumber kManyBlocks = 1000, kPart = 16;
  return end < blocks && (blocks - end >= kManyBlocks || blocks - end >= blocks / kPart);
}

BlockNumber blocks_in_use(Relation index) {
  const uint64_t end = uint64_t{end_of_taken_extents(index)} * kExtentPages;
  return static_cast<BlockNumber>(std::min<uint64_t>(end, RelationGetNumberOfBlocks(index)));
}

bool is_allowed(Relation index) {
  Relation table = RelationIdGetRelation(index->rd_index->indrelid);
  const auto* options =
      table == nullptr ? nullptr : reinterpret_cast<const StdRdOptions*>(table->rd_options);
  const bool allowed = options == nullptr || options->vacuum_truncate;
  if (table != nullptr) {
    RelationClose(table);
  }
  return allowed;
}

// Never in the lock's queue, where everybody would wait behind us.
bool lock_soon(Relation index, int milliseconds) {
  constexpr int kInterval = 50;
  for (int waited = 0; waited <= milliseconds; waited += kInterval) {
    if (ConditionalLockRelation(index, AccessExclusiveLock)) {
      return true;
    }
    CHECK_FOR_INTERRUPTS();
    WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, kInterval,
              WAIT_EVENT_VACUUM_TRUNCATE);
    ResetLatch(MyLatch);
  }
  return false;
}

}  // namespace

bool is_truncation_due(Relation index) {
  return is_worthwhile(RelationGetNumberOfBlocks(index), blocks_in_use(index)) && is_allowed(index);
}

// The lock takes a transaction ID, to be logged for standbys, and a VACUUM with parallel workers
// must not take one.
bool truncate_if_worthwhile(Relation index, int milliseconds) {
  if (IsInParallelMode() || !is_truncation_due(index) || !lock_soon(index, milliseconds)) {
    return false;
  }
  // Nobody takes space any more.
  const BlockNumber end = blocks_in_use(index);
  if (is_worthwhile(RelationGetNumberOfBlocks(index), end)) {
    fault_point("vacuum-truncating");
    RelationTruncate(index, end);
    fault_point("vacuum-truncated");
  }
  // Who gets a lock on the index from here on processes smgrtruncate's invalidation first.
  UnlockRelation(index, AccessExclusiveLock);
  return true;
}

}  // namespace pg
}  // namespace vseg
