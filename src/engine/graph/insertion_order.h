// The order in which rows are inserted into the graph.
#ifndef VSEG_ENGINE_GRAPH_INSERTION_ORDER_H_
#define VSEG_ENGINE_GRAPH_INSERTION_ORDER_H_

#include <cstddef>
#include <vector>

#include "engine/common/types.h"
#include "engine/common/build_monitor.h"
#include "engine/graph/row_store.h"

namespace vseg {

struct InsertionOrder {
  std::vector<Ordinal> rows;
  uint32_t skeleton = 0;  // the first rows, spread over all the data
  uint32_t inserted = 0;  // rows with any level
};

// Rows with the most levels first, as FAISS's IndexHNSW::add does: the top of the hierarchy then
// never changes while threads use it. In random order within a level, since neighbours in the table
// often are neighbours in space; but many rows of the lowest level, at the end, come cluster by
// cluster. The graph's skeleton then stands, and rows inserted after each other visit the same
// rows, which stay in the cache. Rows of no level, not to be inserted, come last, cluster by
// cluster. Takes up to max_bytes beside what it returns, and 2 bytes a row.
InsertionOrder insertion_order(const RowStore& rows, const std::vector<int>& levels,
                               size_t max_bytes, BuildMonitor& monitor);

}  // namespace vseg

#endif  // VSEG_ENGINE_GRAPH_INSERTION_ORDER_H_
