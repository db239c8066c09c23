#include "postgres/segment/bulk_writer.h"

extern "C" {
#include "storage/smgr.h"
}

namespace vseg {
namespace pg {

BulkWriter::BulkWriter(Relation index)
    : SegmentTarget(index), end_(call_pg([&] { return RelationGetNumberOfBlocks(index); })) {}

std::vector<uint32_t> BulkWriter::allocate(uint32_t extents, ProgressMonitor& /*monitor*/) {
  std::vector<uint32_t> list;
  list.reserve(extents);
  while (list.size() < extents) {
    // The first extent that an allocation map page covers holds that page; the very first has room
    // behind it.
    if (next_extent_ == 0 || next_extent_ % kExtentsPerMap != 0) {
      list.push_back(next_extent_);
    }
    next_extent_++;
  }
  return list;
}

// Blocks between the end of the file and `block` stay zero: nothing points to them.
void BulkWriter::extend_to(BlockNumber block) {
  static const PGAlignedBlock kZeroes = {};
  while (end_ < block) {
    smgrextend(RelationGetSmgr(index()), MAIN_FORKNUM, end_, const_cast<char*>(kZeroes.data), true);
    end_++;
  }
}

void BulkWriter::write_batch(const Batch& batch) {
  if (RelationNeedsWAL(index())) {
    log_newpages(&index()->rd_node, MAIN_FORKNUM, batch.count,
                 const_cast<BlockNumber*>(batch.blocks), const_cast<Page*>(batch.pages), true);
  }
  for (int i = 0; i < batch.count; i++) {
    auto* page = static_cast<char*>(batch.pages[i]);
    PageSetChecksumInplace(page, batch.blocks[i]);
    extend_to(batch.blocks[i]);
    smgrextend(RelationGetSmgr(index()), MAIN_FORKNUM, batch.blocks[i], page, true);
    end_ = batch.blocks[i] + 1;
  }
  pages_written_ += static_cast<uint64_t>(batch.count);
}

void BulkWriter::finish() {
  call_pg([&] {
    if (!RelationUsesLocalBuffers(index())) {
      smgrimmedsync(RelationGetSmgr(index()), MAIN_FORKNUM);
    }
  });
}

}  // namespace pg
}  // namespace vseg
