// Builds the graph of a segment: FAISS HNSW inserts the rows, then lists are connected and filled.
#ifndef VSEG_ENGINE_GRAPH_GRAPH_BUILDER_H_
#define VSEG_ENGINE_GRAPH_GRAPH_BUILDER_H_

#include <cstddef>
#include <cstdint>

#include "engine/common/types.h"
#include "engine/common/build_monitor.h"
#include "engine/graph/graph.h"
#include "engine/graph/known_lists.h"
#include "engine/graph/row_store.h"

namespace vseg {

struct GraphOptions {
  uint32_t m = 16;                 // neighbours per node of the upper layers; layer 0 has 2m
  uint32_t ef_construction = 100;  // candidates kept while a row looks for its neighbours
  uint32_t threads = 1;
};

// Throws CancelledError, std::bad_alloc, std::system_error (no thread to be had). Threads are
// created with all signals blocked, touch nothing but engine memory and are gone when the call
// returns, by exception too. With one thread the graph depends on nothing but its arguments.
// `known`, if not null: lists that the first rows bring along, to build on where that is worth it.
Graph build_graph(const RowStore& rows, const GraphOptions& options, BuildMonitor& monitor,
                  const KnownLists* known = nullptr);

// Bytes that build_graph needs per row beside the rows and known lists, all phases considered.
size_t graph_bytes_per_row(const GraphOptions& options);

// Bytes that it needs however few the rows.
size_t graph_fixed_bytes(const GraphOptions& options);

}  // namespace vseg

#endif  // VSEG_ENGINE_GRAPH_GRAPH_BUILDER_H_
