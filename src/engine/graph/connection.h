// Makes every row of a graph reachable.
#ifndef VSEG_ENGINE_GRAPH_CONNECTION_H_
#define VSEG_ENGINE_GRAPH_CONNECTION_H_

#include <cstddef>

#include "engine/common/build_monitor.h"
#include "engine/graph/copies.h"
#include "engine/graph/graph.h"
#include "engine/graph/row_store.h"

namespace vseg {

// HNSW's pruning leaves rows without a way in, above all among equal rows. Gives each of them an
// edge from a near row that can be reached from the entry points. REQUIRES: rows == 0 or entry
// points. `copies`, if not null, are left out.
void connect_rows(const RowStore& rows, const Copies* copies, BuildMonitor& monitor, Graph* graph);

size_t connection_bytes_per_row();

}  // namespace vseg

#endif  // VSEG_ENGINE_GRAPH_CONNECTION_H_
