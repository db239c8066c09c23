// The graph of a segment.
#ifndef VSEG_ENGINE_GRAPH_GRAPH_H_
#define VSEG_ENGINE_GRAPH_GRAPH_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/common/types.h"
#include "engine/graph/build_work.h"
#include "engine/graph/neighbor_slots.h"

namespace vseg {

// Layer 0 and where to enter it. Every row is reachable from the entry points.
struct Graph {
  uint32_t rows = 0;
  uint32_t degree = 0;                // slots of a neighbour list (layer0_degree(m))
  NeighborSlots neighbors;            // rows x degree, unused slots last and kNoOrdinal
  std::vector<Ordinal> entry_points;  // at least one where rows > 0
  uint32_t merges = 0;                // built on another graph so often in a row, see KnownLists
  BuildWork work;                     // what building it took

  Ordinal* list(Ordinal row) { return neighbors.data() + size_t{row} * degree; }
  const Ordinal* list(Ordinal row) const { return neighbors.data() + size_t{row} * degree; }

  // Slots in use of a row's list.
  uint32_t list_size(Ordinal row) const {
    const Ordinal* slots = list(row);
    uint32_t used = 0;
    while (used < degree && slots[used] != kNoOrdinal) {
      ++used;
    }
    return used;
  }
};

}  // namespace vseg

#endif  // VSEG_ENGINE_GRAPH_GRAPH_H_
