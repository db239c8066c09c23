// Rows that lie so near to each other that, seen from any other row, they are one place.
#ifndef VSEG_ENGINE_GRAPH_NEAR_ROWS_H_
#define VSEG_ENGINE_GRAPH_NEAR_ROWS_H_

#include "engine/common/build_monitor.h"
#include "engine/graph/row_groups.h"
#include "engine/graph/row_store.h"

namespace vseg {

// Groups of rows, each within a small part of the distance that lies between a row and its nearest
// other, mostly, of the group's first row: one text that was embedded twice, a constant and noise.
// Of the rows, those that are the first of their group in `equal`, or in none.
//
// Rows are looked for where a few random projections agree, in cells several times as wide as a
// group. Pairs that the edge of a cell parts may be missed.
RowGroups find_near_rows(const RowStore& rows, const RowGroups& equal, BuildMonitor& monitor);

}  // namespace vseg

#endif  // VSEG_ENGINE_GRAPH_NEAR_ROWS_H_
