#include "engine/graph/connection.h"

#include <algorithm>
#include <vector>

#include "engine/common/worker_threads.h"

#include "engine/common/engine_only.h"

namespace vseg {
namespace {

// Grows a spanning forest from the entry points. Edges of the forest stay, so whatever else is
// replaced, what was reachable stays reachable.
class Connector {
 public:
  Connector(const RowStore& rows, const Copies* copies, BuildMonitor& monitor, Graph* graph)
      : distance_(rows),
        copies_(copies),
        check_(monitor),
        graph_(*graph),
        parent_(graph->rows, kNoOrdinal) {
    queue_.reserve(graph->rows);
  }

  void run() {
    for (Ordinal entry : graph_.entry_points) {
      parent_[entry] = entry;
      queue_.push_back(entry);
    }
    spread();
    for (Ordinal row = 0; row < graph_.rows; ++row) {
      check_.step();
      if (!reached(row) && !left_out(row)) {
        attach(row);
        spread();
      }
    }
    graph_.work.distances += distance_.count();
  }

 private:
  bool left_out(Ordinal row) const { return copies_ != nullptr && copies_->is_copy(row); }
  bool reached(Ordinal row) const { return parent_[row] != kNoOrdinal; }
  bool in_forest(Ordinal from, Ordinal to) const { return parent_[to] == from; }

  // Breadth first from the rows reached last: every row is in the queue once.
  void spread() {
    for (; done_ < queue_.size(); ++done_) {
      check_.step();
      Ordinal from = queue_[done_];
      const Ordinal* list = graph_.list(from);
      for (uint32_t i = 0; i < graph_.degree && list[i] != kNoOrdinal; ++i) {
        if (!reached(list[i])) {
          parent_[list[i]] = from;
          queue_.push_back(list[i]);
        }
      }
    }
  }

  // The slot of `from` to write a new edge to: a free one, else that of the farthest row to which
  // no forest edge leads; degree if there is none.
  uint32_t spare_slot(Ordinal from) const {
    const Ordinal* list = graph_.list(from);
    uint32_t farthest = graph_.degree;
    float distance = 0;
    for (uint32_t i = 0; i < graph_.degree; ++i) {
      if (list[i] == kNoOrdinal) {
        return i;
      }
      if (in_forest(from, list[i])) {
        continue;
      }
      float d = distance_(from, list[i]);
      if (farthest == graph_.degree || d > distance) {
        farthest = i;
        distance = d;
      }
    }
    return farthest;
  }

  void attach(Ordinal row) {
    Ordinal from = near_neighbor(row);
    if (from == kNoOrdinal) {
      from = with_spare_slot(row, nearest_by_walk(row));
    }
    graph_.list(from)[spare_slot(from)] = row;
    parent_[row] = from;
    queue_.push_back(row);
  }

  // The nearest of the row's own neighbours that is reached and has a spare slot, for preference a
  // free one.
  Ordinal near_neighbor(Ordinal row) const {
    const Ordinal* list = graph_.list(row);
    Ordinal best = kNoOrdinal;
    bool best_free = false;
    float best_distance = 0;
    for (uint32_t i = 0; i < graph_.degree && list[i] != kNoOrdinal; ++i) {
      Ordinal from = list[i];
      uint32_t slot = reached(from) ? spare_slot(from) : graph_.degree;
      if (slot == graph_.degree) {
        continue;
      }
      bool free = graph_.list(from)[slot] == kNoOrdinal;
      float d = distance_(from, row);
      if (best == kNoOrdinal || (free && !best_free) || (free == best_free && d < best_distance)) {
        best = from;
        best_free = free;
        best_distance = d;
      }
    }
    return best;
  }

  // Greedy walk over reached rows from the nearest entry point.
  Ordinal nearest_by_walk(Ordinal row) const {
    Ordinal at = graph_.entry_points[0];
    float distance = distance_(at, row);
    auto consider = [&](Ordinal other) {
      float d = distance_(other, row);
      if (d < distance) {
        at = other;
        distance = d;
      }
    };
    for (Ordinal entry : graph_.entry_points) {
      consider(entry);
    }
    for (Ordinal before = kNoOrdinal; at != before;) {
      before = at;
      const Ordinal* list = graph_.list(before);
      for (uint32_t i = 0; i < graph_.degree && list[i] != kNoOrdinal; ++i) {
        consider(list[i]);
      }
    }
    return at;
  }

  // A row without a spare slot has children in all its slots, so the way down the forest ends at a
  // row that has one.
  Ordinal with_spare_slot(Ordinal row, Ordinal at) const {
    while (spare_slot(at) == graph_.degree) {
      const Ordinal* list = graph_.list(at);
      at = *std::min_element(list, list + graph_.degree, [&](Ordinal a, Ordinal b) {
        return distance_(a, row) < distance_(b, row);
      });
    }
    return at;
  }

  CountedDistances distance_;
  const Copies* copies_;
  CancelCheck check_;
  Graph& graph_;
  std::vector<Ordinal> parent_;  // in the forest; an entry point's is itself
  std::vector<Ordinal> queue_;
  size_t done_ = 0;  // rows of the queue whose lists have been followed
};

}  // namespace

void connect_rows(const RowStore& rows, const Copies* copies, BuildMonitor& monitor, Graph* graph) {
  Connector(rows, copies, monitor, graph).run();
}

size_t connection_bytes_per_row() { return 2 * sizeof(Ordinal); }

}  // namespace vseg
