// Writes segments behind the end of an index that is being built, past shared buffers.
#ifndef VSEG_POSTGRES_STORAGE_BULK_WRITER_H_
#define VSEG_POSTGRES_STORAGE_BULK_WRITER_H_

#include "postgres/boundary/guard.h"

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/common/types.h"
#include "engine/pages/page_source.h"

namespace vseg {
namespace pg {

// Only for ambuild: nobody else can see or extend the relation, and the blocks written here are
// touched through shared buffers only after finish(). Pages are WAL-logged, 32 full images a
// record, unless the relation needs none; finish() brings the file to disk, since a checkpoint that
// ran meanwhile knows nothing of these writes.
class BulkWriter final : public PageSink {
 public:
  explicit BulkWriter(Relation index);

  // Extents for a segment of that many, behind all extents given before.
  std::vector<uint32_t> allocate(uint32_t extents);

  // The following pages go to these extents, and belong to segment `owner`.
  void begin_segment(const std::vector<uint32_t>& extents, uint32_t owner);
  void write(PageKind kind, const std::byte* payload, size_t bytes) override;
  void end_segment();

  // Number of extents in use, the first one included.
  uint32_t extents() const { return next_extent_; }

  void finish();

 private:
  void flush();
  void extend_to(BlockNumber block);

  Relation index_;
  uint32_t next_extent_ = 1;  // extent 0 holds the metapage
  BlockNumber end_;           // blocks the file has
  std::vector<uint32_t> extents_;
  uint32_t owner_ = 0;
  uint32_t next_page_ = 0;  // logical page of the segment
  int pending_ = 0;
  std::vector<BlockNumber> blocks_;
  char* buffer_;  // kMaxPagesPerRecord pages
};

}  // namespace pg
}  // namespace vseg

#endif  // VSEG_POSTGRES_STORAGE_BULK_WRITER_H_
