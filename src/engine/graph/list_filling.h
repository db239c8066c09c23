// Fills the neighbour lists up.
#ifndef VSEG_ENGINE_GRAPH_LIST_FILLING_H_
#define VSEG_ENGINE_GRAPH_LIST_FILLING_H_

#include <cstddef>
#include <vector>

#include "engine/graph/copies.h"
#include "engine/graph/graph_builder.h"

namespace vseg {

struct FilledRows {
  const RowStore& store;
  const Copies& copies;  // whose lists stay empty
  const std::vector<Ordinal>& order;
  const KnownLists* known;  // null: none
};

// FAISS leaves half of the slots of layer 0 empty, but a search pays for a whole node block. Adds
// neighbours of neighbours until the lists are full, or there are no more. Edges are only added, so
// what was reachable stays so. The result depends on the graph alone, however many threads there
// are, and in which order the rows are taken: `order`, best one that keeps near rows together.
void fill_lists(const FilledRows& rows, const GraphOptions& options, BuildMonitor& monitor,
                Graph* graph);

size_t filling_bytes_per_row();
size_t filling_bytes_per_thread(const GraphOptions& options);

}  // namespace vseg

#endif  // VSEG_ENGINE_GRAPH_LIST_FILLING_H_
