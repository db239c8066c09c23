// The order in which rows are inserted into the graph.
#ifndef VSEG_ENGINE_GRAPH_INSERTION_ORDER_H_
#define VSEG_ENGINE_GRAPH_INSERTION_ORDER_H_

#include <cstddef>
#include <vector>

#include "engine/common/types.h"
#include "engine/graph/build_monitor.h"
#include "engine/graph/row_store.h"

namespace vseg {

// Rows with the most levels first, as FAISS's IndexHNSW::add does: the top of the hierarchy then
// never changes while threads use it. In random order within a level, since neighbours in the table
// often are neighbours in space; but many rows of the lowest level, at the end, come cluster by
// cluster. The graph's skeleton then stands, and rows inserted after each other visit the same
// rows, which stay in the cache. Takes up to max_bytes beside what it returns, and 2 bytes a row.
std::vector<Ordinal> insertion_order(const RowStore& rows, const std::vector<int>& levels,
                                     size_t max_bytes, BuildMonitor& monitor);

}  // namespace vseg

#endif  // VSEG_ENGINE_GRAPH_INSERTION_ORDER_H_
