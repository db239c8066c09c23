// Writes segments into an index that is in use, through shared buffers.
#ifndef VSEG_POSTGRES_SEGMENT_LIVE_WRITER_H_
#define VSEG_POSTGRES_SEGMENT_LIVE_WRITER_H_

#include <cstdint>
#include <vector>

#include "postgres/segment/segment_target.h"

namespace vseg {
namespace pg {

// Extents are claimed in the allocation map before they are written. Pages are logged as full
// images, up to 32 in a record, before the record that publishes them; buffer locks last for one
// such batch. Nobody reads the pages before they are published: an error or a crash leaks extents
// and nothing else. A ring of buffers keeps the write from pushing everything else out of memory.
class LiveWriter final : public SegmentTarget {
 public:
  explicit LiveWriter(Relation index);

  std::vector<uint32_t> allocate(uint32_t extents, ProgressMonitor& monitor) override;

 private:
  void write_batch(const Batch& batch) override;

  BufferAccessStrategy strategy_;
};

}  // namespace pg
}  // namespace vseg

#endif  // VSEG_POSTGRES_SEGMENT_LIVE_WRITER_H_
