// Chooses the rows at which a search enters the graph.
#ifndef VSEG_ENGINE_GRAPH_ENTRY_POINTS_H_
#define VSEG_ENGINE_GRAPH_ENTRY_POINTS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/common/types.h"
#include "engine/common/build_monitor.h"
#include "engine/graph/copies.h"
#include "engine/graph/row_store.h"

namespace vseg {

// Rows spread over the data, none twice and no copies, in the order in which an EntryTree of that
// degree has them: those below one block are near each other, on every level. At least one where
// there are rows.
std::vector<Ordinal> choose_entry_points(const RowStore& rows, const Copies& copies,
                                         uint32_t degree, BuildMonitor& monitor);

// Memory it takes: a few vectors, and at most four bytes a row, which FAISS's insertion has just
// given back.
constexpr size_t kEntryPointBytes = 1 << 18;

}  // namespace vseg

#endif  // VSEG_ENGINE_GRAPH_ENTRY_POINTS_H_
