#include "engine/graph/hnsw_insertion.h"

#include <algorithm>
#include <cassert>
#include <limits>
#include <stdexcept>
#include <utility>
#include <vector>

#include <faiss/impl/AuxIndexStructures.h>
#include <faiss/impl/DistanceComputer.h>
#include <faiss/impl/HNSW.h>

#include "engine/format/segment_format.h"
#include "engine/graph/insertion_order.h"
#include "engine/graph/worker_threads.h"

#include "engine/common/engine_only.h"

namespace vseg {
namespace {

// FAISS asks for distances to the row being inserted and between rows, never for rows themselves.
class RowDistances : public faiss::DistanceComputer {
 public:
  explicit RowDistances(const RowStore& rows) : rows_(rows) {}

  void set_row(Ordinal row) { row_ = row; }
  void set_query(const float*) override { assert(false); }
  float operator()(idx_t i) override { return rows_.distance(row_, static_cast<Ordinal>(i)); }
  float symmetric_dis(idx_t i, idx_t j) override {
    return rows_.distance(static_cast<Ordinal>(i), static_cast<Ordinal>(j));
  }

 private:
  const RowStore& rows_;
  Ordinal row_ = 0;
};

// One lock a row, which FAISS takes while it changes the row's lists.
class RowLocks {
 public:
  explicit RowLocks(uint32_t rows) : locks_(rows) {
    for (omp_lock_t& lock : locks_) {
      omp_init_lock(&lock);
    }
  }
  ~RowLocks() {
    for (omp_lock_t& lock : locks_) {
      omp_destroy_lock(&lock);
    }
  }
  RowLocks(const RowLocks&) = delete;
  RowLocks& operator=(const RowLocks&) = delete;

  std::vector<omp_lock_t>& locks() { return locks_; }

  // FAISS leaves its locks taken when memory runs out inside of it. Opening all of them again and
  // again lets the other threads come to an end. Lists may be spoilt by two threads at once, and
  // are thrown away; what they write stays inside the array (see kSpareSlots).
  void open_all() {
    for (omp_lock_t& lock : locks_) {
      omp_unset_lock(&lock);
    }
  }

 private:
  std::vector<omp_lock_t> locks_;
};

// Two threads that add to the last list at once may write one slot behind it.
constexpr size_t kSpareSlots = 16;

// FAISS, left to itself, grows its arrays by doubling: here they get their final size at once.
void draw_levels(faiss::HNSW* hnsw, uint32_t rows) {
  hnsw->levels.reserve(rows);
  for (uint32_t i = 0; i < rows; ++i) {
    hnsw->levels.push_back(hnsw->random_level() + 1);  // FAISS stores the number of levels
  }
}

void make_lists(faiss::HNSW* hnsw) {
  size_t slots = 0;
  for (int levels : hnsw->levels) {
    slots += hnsw->cum_nb_neighbors(levels);
  }
  hnsw->offsets.reserve(hnsw->levels.size() + 1);
  hnsw->neighbors.reserve(slots + kSpareSlots);
  hnsw->prepare_level_tab(hnsw->levels.size(), /*preset_levels=*/true);
}

std::vector<Ordinal> insert_all(const RowStore& rows, const GraphOptions& options,
                                BuildMonitor& monitor, faiss::HNSW* hnsw) {
  // Before the lists are made, in the memory that is for them.
  std::vector<Ordinal> order =
      insertion_order(rows, hnsw->levels, rows.rows() * layer0_bytes_per_row(options), monitor);
  make_lists(hnsw);
  RowLocks locks(rows.rows());
  SharedWork shared;
  shared.work = [&](RowQueue& queue) {
    RowDistances distances(rows);
    faiss::VisitedTable visited(static_cast<int>(rows.rows()));
    for (uint32_t i; queue.next(&i);) {
      Ordinal row = order[i];
      distances.set_row(row);
      hnsw->add_with_locks(distances, hnsw->levels[row] - 1, static_cast<int>(row), locks.locks(),
                           visited);
    }
  };
  shared.report = [&](uint32_t taken) { monitor.inserted(taken); };
  shared.unblock = [&] { locks.open_all(); };
  run_threads(rows.rows(), options.threads, monitor, shared);
  return order;
}

// Copies the edges of a list that lead to other rows, each once, and empties the slots behind them.
void clean_list(Ordinal row, const Ordinal* from, uint32_t degree, Ordinal* to) {
  uint32_t used = 0;
  for (uint32_t i = 0; i < degree && from[i] != kNoOrdinal; ++i) {
    Ordinal neighbor = from[i];
    if (neighbor != row && std::find(to, to + used, neighbor) == to + used) {
      to[used++] = neighbor;
    }
  }
  std::fill(to + used, to + degree, kNoOrdinal);
}

// A row's layer 0 comes first in its slots, and slots only move forward: a list never overwrites
// one that has not moved yet.
void keep_layer0(const std::vector<size_t>& offsets, Graph* graph) {
  const Ordinal* slots = graph->neighbors.data();
  for (Ordinal row = 0; row < graph->rows; ++row) {
    clean_list(row, slots + offsets[row], graph->degree, graph->list(row));
  }
  graph->neighbors.truncate(size_t{graph->rows} * graph->degree);
}

}  // namespace

Graph insert_rows(const RowStore& rows, const GraphOptions& options, BuildMonitor& monitor,
                  std::vector<Ordinal>* order) {
  if (rows.rows() > static_cast<uint32_t>(std::numeric_limits<int>::max())) {
    throw std::length_error("too many rows for one graph");  // FAISS numbers rows by int
  }
  Graph graph;
  graph.rows = rows.rows();
  graph.degree = layer0_degree(options.m);
  if (graph.rows == 0) {
    return graph;
  }
  faiss::HNSW hnsw(static_cast<int>(options.m));
  hnsw.set_nb_neighbors(0, static_cast<int>(graph.degree));
  hnsw.efConstruction = static_cast<int>(options.ef_construction);
  draw_levels(&hnsw, graph.rows);
  *order = insert_all(rows, options, monitor, &hnsw);
  graph.neighbors = NeighborSlots(std::move(hnsw.neighbors));
  keep_layer0(hnsw.offsets, &graph);
  return graph;
}

size_t layer0_bytes_per_row(const GraphOptions& options) {
  // A row is on 1 / (m - 1) upper layers on average, m slots each; their memory stays allocated
  // behind layer 0. A twentieth more for chance, which matters in small graphs only.
  size_t slots = layer0_degree(options.m) + (options.m * 21 / 20) / (options.m - 1) + 1;
  return slots * sizeof(Ordinal);
}

size_t insertion_bytes_per_row(const GraphOptions& options) {
  size_t level = sizeof(int);
  size_t offset = sizeof(size_t);
  size_t order = sizeof(Ordinal);
  size_t visited = options.threads;
  return layer0_bytes_per_row(options) + level + offset + order + sizeof(omp_lock_t) + visited;
}

}  // namespace vseg
