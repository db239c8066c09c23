// Searches a graph segment without its graph: every live row is compared with the query.
#ifndef VSEG_ENGINE_SEARCH_SEGMENT_SCAN_CURSOR_H_
#define VSEG_ENGINE_SEARCH_SEGMENT_SCAN_CURSOR_H_

#include <vector>

#include "engine/search/cursor.h"
#include "engine/segment/segment_reader.h"
#include "engine/segment/tombstones.h"

namespace vseg {

// For segments with few live rows (prefers_scan). The first batch reads the tombstones, then the
// blocks of the live rows, in the order of their pages, and no others. All distances are exact, so
// batches are in order among each other as well.
//
// Each live row is in one of: waiting_; delivered.
class SegmentScanCursor : public Cursor {
 public:
  SegmentScanCursor(PageSource& pages, const DirectoryEntry& entry, const Query& query);
  SegmentScanCursor(const SegmentScanCursor&) = delete;
  SegmentScanCursor& operator=(const SegmentScanCursor&) = delete;

  bool next_batch(uint32_t wanted, float bound, std::vector<Candidate>* rows) override;
  Tid tid(Ordinal ordinal) override { return segment_.tid(ordinal); }

 private:
  void compare_live_rows();

  SegmentReader segment_;
  Tombstones tombstones_;
  const Query& query_;
  bool all_dead_;  // the directory says that no live row is left
  bool started_ = false;
  std::vector<Candidate> waiting_;  // heap, nearest first
};

}  // namespace vseg

#endif  // VSEG_ENGINE_SEARCH_SEGMENT_SCAN_CURSOR_H_
