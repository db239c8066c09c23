// Writes a graph segment's pages, in order, into a PageSink.
#ifndef VSEG_ENGINE_SEGMENT_SEGMENT_WRITER_H_
#define VSEG_ENGINE_SEGMENT_SEGMENT_WRITER_H_

#include <vector>

#include "engine/common/types.h"
#include "engine/format/segment_format.h"
#include "engine/common/build_monitor.h"
#include "engine/graph/graph_builder.h"
#include "engine/graph/row_store.h"
#include "engine/pages/page_source.h"

namespace vseg {

// The rows' exact vectors, read once from ordinal 0 up while node blocks are written.
class ExactVectors {
 public:
  virtual ~ExactVectors() = default;
  // The next row's vector; valid until the next call.
  virtual const float* next() = 0;
};

// What a segment is made of. `tids` has graph.rows elements; `extents` header.extents.
struct SegmentParts {
  const SegmentHeader& header;  // plan_segment(shape)
  const std::vector<uint32_t>& extents;
  const Graph& graph;
  const std::vector<Tid>& tids;
  ExactVectors& vectors;
  // The rotated rows, for the neighbours' codes; null where header.code_bytes is 0.
  const RowStore* rotated;
  // Who computes the codes: this many threads, or, without a monitor, the caller's.
  uint32_t threads = 1;
  BuildMonitor* monitor = nullptr;  // asked at every row and page
};

// Writes all header.pages pages. Throws CancelledError if the monitor says so.
void write_segment(const SegmentParts& parts, PageSink& to);

}  // namespace vseg

#endif  // VSEG_ENGINE_SEGMENT_SEGMENT_WRITER_H_
