// Writes segments behind the end of an index that is being built, past shared buffers.
#ifndef VSEG_POSTGRES_SEGMENT_BULK_WRITER_H_
#define VSEG_POSTGRES_SEGMENT_BULK_WRITER_H_

#include <algorithm>
#include <cstdint>
#include <vector>

#include "engine/format/metapage_format.h"
#include "postgres/segment/segment_target.h"

namespace vseg {
namespace pg {

// Only for ambuild: nobody else can see or extend the relation, and the blocks written here are
// touched through shared buffers only after finish(). Pages are WAL-logged, 32 full images a
// record, unless the relation needs none; finish() brings the file to disk, since a checkpoint that
// ran meanwhile knows nothing of these writes.
class BulkWriter final : public SegmentTarget {
 public:
  explicit BulkWriter(Relation index);

  // The first segment begins in the extent of the metapage, behind the first pages.
  uint32_t next_first_page() const override { return next_extent_ == 0 ? kFirstChainBlock + 1 : 0; }

  // Behind all extents given before; they leave the allocation map's free ones by mark_extents,
  // when all segments are written.
  std::vector<uint32_t> allocate(uint32_t extents, ProgressMonitor& monitor) override;

  // Bytes of pages written so far.
  uint64_t bytes_written() const { return pages_written_ * kPageSize; }

  // Number of extents in use, the first one included.
  uint32_t extents() const { return std::max(next_extent_, 1U); }

  // Pages in use of the first one.
  uint32_t pages_of_first_extent() const { return std::min<uint32_t>(end_, kExtentPages); }

  void finish();

 private:
  void write_batch(const Batch& batch) override;
  void extend_to(BlockNumber block);

  uint32_t next_extent_ = 0;
  BlockNumber end_;  // blocks the file has
  uint64_t pages_written_ = 0;
};

}  // namespace pg
}  // namespace vseg

#endif  // VSEG_POSTGRES_SEGMENT_BULK_WRITER_H_
