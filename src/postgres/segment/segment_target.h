// Where the pages of new segments go.
#ifndef VSEG_POSTGRES_SEGMENT_SEGMENT_TARGET_H_
#define VSEG_POSTGRES_SEGMENT_SEGMENT_TARGET_H_

#include "postgres/boundary/guard.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "engine/format/metapage_format.h"
#include "engine/pages/page_source.h"
#include "engine/segment/segment_builder.h"
#include "postgres/boundary/progress_monitor.h"

namespace vseg {
namespace pg {

// Gathers the logical pages of a segment into batches of up to 32 page images at the blocks its
// extents give them. How extents are taken and batches written differs: BulkWriter, LiveWriter.
class SegmentTarget : public PageSink {
 public:
  explicit SegmentTarget(Relation index);

  // The page of its first extent that the next segment begins with.
  virtual uint32_t next_first_page() const { return 0; }

  // Extents for a segment of that many; nobody else is given them. Throws as watch() does.
  virtual std::vector<uint32_t> allocate(uint32_t extents, ProgressMonitor& monitor) = 0;

  // The following pages go to these extents, and belong to segment `owner`.
  void begin_segment(const SegmentPlace& place);
  void write(PageKind kind, const std::byte* payload, size_t bytes) override;
  void end_segment();

 protected:
  struct Batch {
    const BlockNumber* blocks;
    const Page* pages;
    int count;
  };
  // Writes and logs a batch; called within call_pg.
  virtual void write_batch(const Batch& batch) = 0;

  Relation index() const { return index_; }

 private:
  void flush();

  Relation index_;
  SegmentPlace place_;
  uint32_t next_page_ = 0;  // of the segment's extents
  int pending_ = 0;
  std::vector<BlockNumber> blocks_;
  std::unique_ptr<PGAlignedBlock[]> images_;
};

// Writes the segment that `builder` has built, as number `id`; returns its entry for the directory,
// which lists it once it is published.
DirectoryEntry write_segment_to(SegmentTarget& target, const SegmentBuilder& builder, uint32_t id,
                                ExactVectors& vectors, ProgressMonitor& monitor);

}  // namespace pg
}  // namespace vseg

#endif  // VSEG_POSTGRES_SEGMENT_SEGMENT_TARGET_H_
