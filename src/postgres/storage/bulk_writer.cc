#include "postgres/storage/bulk_writer.h"

#include <cstring>

extern "C" {
#include "storage/smgr.h"
}

#include "engine/format/metapage.h"
#include "postgres/storage/pages.h"

namespace vseg {
namespace pg {

BulkWriter::BulkWriter(Relation index)
    : index_(index),
      end_(call_pg([&] { return RelationGetNumberOfBlocks(index); })),
      blocks_(kMaxPagesPerRecord),
      buffer_(call_pg([&] {
        return static_cast<char*>(palloc(static_cast<Size>(kMaxPagesPerRecord) * BLCKSZ));
      })) {}

std::vector<uint32_t> BulkWriter::allocate(uint32_t extents) {
  std::vector<uint32_t> list;
  list.reserve(extents);
  while (list.size() < extents) {
    // The first extent that an allocation map page covers holds that page.
    if (next_extent_ % kExtentsPerMap != 0) {
      list.push_back(next_extent_);
    }
    next_extent_++;
  }
  return list;
}

void BulkWriter::begin_segment(const std::vector<uint32_t>& extents, uint32_t owner) {
  extents_ = extents;
  owner_ = owner;
  next_page_ = 0;
}

void BulkWriter::write(PageKind kind, const std::byte* data, size_t bytes) {
  const uint32_t logical = next_page_++;
  blocks_[pending_] = extents_.at(logical >> kExtentShift) * kExtentPages + (logical & kExtentMask);
  Page page = buffer_ + static_cast<size_t>(pending_) * BLCKSZ;
  init_page(page, {kind, owner_}, bytes);
  memcpy(payload(page), data, bytes);
  if (++pending_ == kMaxPagesPerRecord) {
    flush();
  }
}

void BulkWriter::end_segment() { flush(); }

// Blocks between the end of the file and `block` stay zero: nothing points to them.
void BulkWriter::extend_to(BlockNumber block) {
  static const PGAlignedBlock kZeroes = {};
  while (end_ < block) {
    smgrextend(RelationGetSmgr(index_), MAIN_FORKNUM, end_, const_cast<char*>(kZeroes.data), true);
    end_++;
  }
}

void BulkWriter::flush() {
  if (pending_ == 0) {
    return;
  }
  call_pg([&] {
    CHECK_FOR_INTERRUPTS();
    if (RelationNeedsWAL(index_)) {
      Page pages[kMaxPagesPerRecord];
      for (int i = 0; i < pending_; i++) {
        pages[i] = buffer_ + static_cast<size_t>(i) * BLCKSZ;
      }
      log_newpages(&index_->rd_node, MAIN_FORKNUM, pending_, blocks_.data(), pages, true);
    }
    for (int i = 0; i < pending_; i++) {
      char* page = buffer_ + static_cast<size_t>(i) * BLCKSZ;
      PageSetChecksumInplace(page, blocks_[i]);
      extend_to(blocks_[i]);
      smgrextend(RelationGetSmgr(index_), MAIN_FORKNUM, blocks_[i], page, true);
      end_ = blocks_[i] + 1;
    }
  });
  pending_ = 0;
}

void BulkWriter::finish() {
  flush();
  call_pg([&] {
    if (!RelationUsesLocalBuffers(index_)) {
      smgrimmedsync(RelationGetSmgr(index_), MAIN_FORKNUM);
    }
    pfree(buffer_);
  });
}

}  // namespace pg
}  // namespace vseg
