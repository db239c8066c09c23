// Chooses the rows at which a search enters the graph.
#ifndef VSEG_ENGINE_GRAPH_ENTRY_POINTS_H_
#define VSEG_ENGINE_GRAPH_ENTRY_POINTS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/common/types.h"
#include "engine/graph/build_monitor.h"
#include "engine/graph/row_store.h"

namespace vseg {

// Rows spread over the data: k-means on a sample, then the sampled row nearest to each centroid. At
// least one where there are rows, none twice, in ascending order.
std::vector<Ordinal> choose_entry_points(const RowStore& rows, BuildMonitor& monitor);

// Memory it takes: this, or what FAISS's insertion has just given back (see
// insertion_bytes_per_row), whichever is more.
constexpr size_t kEntryPointBytes = 1 << 18;

}  // namespace vseg

#endif  // VSEG_ENGINE_GRAPH_ENTRY_POINTS_H_
