#include "postgres/storage/live_writer.h"

#include <algorithm>
#include <cstring>

#include "postgres/compaction/fault_point.h"
#include "postgres/storage/extents.h"
#include "postgres/storage/file_extension.h"
#include "postgres/storage/pages.h"

namespace vseg {
namespace pg {
namespace {

// Makes the file long enough for so many more extents, an extent at a time, before they are
// claimed: whoever claims one behind them would have to do it, in one go and under buffer locks.
void extend_for(Relation index, uint32_t extents, BufferAccessStrategy strategy) {
  const BlockNumber blocks = RelationGetNumberOfBlocks(index);
  const uint32_t end = (blocks + kExtentPages - 1) / kExtentPages;
  const uint32_t free = count_free_extents(index, end);
  for (uint32_t extent = end; extent < end + extents - std::min(extents, free); extent++) {
    CHECK_FOR_INTERRUPTS();
    extend_to_block(index, (extent + 1) * kExtentPages - 1, strategy);
  }
}

}  // namespace

LiveWriter::LiveWriter(Relation index)
    : SegmentTarget(index), strategy_(call_pg([] { return GetAccessStrategy(BAS_BULKWRITE); })) {}

std::vector<uint32_t> LiveWriter::allocate(uint32_t extents) {
  std::vector<uint32_t> list(extents);
  call_pg([&] {
    extend_for(index(), extents, strategy_);
    claim_extents(index(), extents, list.data());
    fault_point("merge-claimed");
  });
  return list;
}

// The pages of a batch are the segment's alone, so the order in which they are locked is free.
void LiveWriter::write_batch(const Batch& batch) {
  BlockNumber last = 0;
  for (int i = 0; i < batch.count; i++) {
    last = std::max(last, batch.blocks[i]);
  }
  extend_to_block(index(), last, strategy_);
  Buffer buffers[kMaxPagesPerRecord];
  for (int i = 0; i < batch.count; i++) {
    buffers[i] = take_page(index(), batch.blocks[i], strategy_);
    memcpy(BufferGetPage(buffers[i]), batch.pages[i], BLCKSZ);
  }
  log_and_release_new_pages(index(), buffers, batch.count);
  fault_point("merge-writing");
}

}  // namespace pg
}  // namespace vseg
