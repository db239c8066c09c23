// Inserts the rows into a FAISS HNSW and keeps its layer 0.
#ifndef VSEG_ENGINE_GRAPH_HNSW_INSERTION_H_
#define VSEG_ENGINE_GRAPH_HNSW_INSERTION_H_

#include "engine/graph/copies.h"
#include "engine/graph/graph_builder.h"

namespace vseg {

// The lists as FAISS made them, without edges to itself and doubles, which threads that insert at
// the same time can leave. No entry points yet; not every row need be reachable.
// `order` receives the rows in the order they were inserted: what comes after each other is near
// each other in space.
// Rows of `known`, if not null, keep the lists they had or are inserted near them.
// Copies are left out: their lists are empty, and no list names them.
Graph insert_rows(const RowStore& rows, const Copies& copies, const GraphOptions& options,
                  const KnownLists* known, BuildMonitor& monitor, std::vector<Ordinal>* order);

// Bytes per row that FAISS's structures take while rows are inserted, and those still taken when
// only layer 0 is left.
size_t insertion_bytes_per_row(const GraphOptions& options);
size_t layer0_bytes_per_row(const GraphOptions& options);

}  // namespace vseg

#endif  // VSEG_ENGINE_GRAPH_HNSW_INSERTION_H_
