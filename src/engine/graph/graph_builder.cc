#include "engine/graph/graph_builder.h"

#include <algorithm>
#include <vector>

#include "engine/graph/connection.h"
#include "engine/graph/copies.h"
#include "engine/graph/entry_points.h"
#include "engine/graph/hnsw_insertion.h"
#include "engine/graph/list_filling.h"

#include "engine/common/engine_only.h"

namespace vseg {

Graph build_graph(const RowStore& rows, const GraphOptions& options, BuildMonitor& monitor,
                  const KnownLists* known) {
  if (known != nullptr && !worth_building_on(*known, rows.rows())) {
    known = nullptr;
  }
  const Copies copies(rows, monitor);
  std::vector<Ordinal> order;
  Graph graph = insert_rows(rows, copies, options, known, monitor, &order);
  graph.merges = known == nullptr ? 0 : known->merges() + 1;
  if (graph.rows == 0) {
    return graph;
  }
  monitor.completing();
  graph.entry_points = choose_entry_points(rows, copies, graph.degree, monitor);
  // While lists have free slots: filling afterwards takes none of the edges away again.
  connect_rows(rows, &copies, monitor, &graph);
  fill_lists({rows, copies, order, known}, options, monitor, &graph);
  if (!copies.none()) {
    copies.share_lists(&graph);
    connect_rows(rows, nullptr, monitor, &graph);
  }
  return graph;
}

size_t graph_bytes_per_row(const GraphOptions& options) {
  size_t later = std::max(connection_bytes_per_row(), filling_bytes_per_row());
  return std::max(insertion_bytes_per_row(options),
                  layer0_bytes_per_row(options) + sizeof(Ordinal) + Copies::kBytesPerRow + later);
}

size_t graph_fixed_bytes(const GraphOptions& options) {
  return std::max(kEntryPointBytes, filling_bytes_per_thread(options) * options.threads);
}

}  // namespace vseg
