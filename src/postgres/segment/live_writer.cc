#include "postgres/segment/live_writer.h"

#include <algorithm>
#include <cstring>

#include "engine/common/worker_threads.h"
#include "postgres/boundary/fault_point.h"
#include "postgres/pages/extents.h"
#include "postgres/pages/file_extension.h"
#include "postgres/pages/pages.h"

namespace vseg {
namespace pg {
LiveWriter::LiveWriter(Relation index)
    : SegmentTarget(index), strategy_(call_pg([] { return GetAccessStrategy(BAS_BULKWRITE); })) {}

std::vector<uint32_t> LiveWriter::allocate(uint32_t extents, ProgressMonitor& monitor) {
  CancelCheck check(monitor);
  std::vector<uint32_t> list =
      claim_extents(index(), extents, strategy_, [&] { watch(monitor, [&] { check.look(); }); });
  call_pg([] { fault_point("merge-claimed"); });
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
