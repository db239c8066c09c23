#include "engine/graph/list_filling.h"

#include <algorithm>
#include <atomic>
#include <vector>

#include "engine/format/segment_format.h"
#include "engine/common/worker_threads.h"

#include "engine/common/engine_only.h"

namespace vseg {
namespace {

struct Candidate {
  float distance;
  Ordinal row;
  Ordinal via;  // a neighbour that has it in its list; kNoOrdinal: an old list had it
};

bool nearer(const Candidate& a, const Candidate& b) {
  return a.distance != b.distance ? a.distance < b.distance : a.row < b.row;
}

// Of the relaxed pruning rule, in terms of the engine distance. Inner products can be negative,
// where a factor would turn the rule around.
float alpha(Metric metric) { return metric == Metric::kInnerProduct ? 1.0F : 1.2F; }

// Fills lists, one at a time. Reads of all lists only what was there before filling began, writes
// only its own list behind that: threads don't disturb each other.
class ListFiller {
 public:
  ListFiller(const FilledRows& rows, const std::vector<uint8_t>& old_sizes, Graph* graph)
      : distance_(rows.store),
        copies_(rows.copies),
        known_(rows.known),
        old_sizes_(old_sizes),
        graph_(*graph),
        alpha_(alpha(rows.store.metric())) {}

  uint64_t distances() const { return distance_.count(); }

  // Candidates come in turns: the next are looked at only where the list is not full yet.
  void fill(Ordinal row) {
    size_ = old_sizes_[row];
    list_ = graph_.list(row);
    row_ = row;
    slots_ = graph_.degree;
    group_ = RowGroups::kNone;
    if (copies_.is_copy(row)) {
      if (size_ > 0) {
        slots_ = Copies::inner_degree(graph_.degree);
        group_ = copies_.near().of(row);
        fill_with([&] { collect_neighbors(0); });
      }
      return;
    }
    if (known_ != nullptr && row < known_->rows()) {
      fill_with([&] { collect_known(); });
      fill_with([&] { collect_behind_dead(); });
    }
    fill_with([&] { collect_neighbors(0); });
  }

 private:
  template <typename Collect>
  void fill_with(const Collect& collect) {
    if (size_ == slots_) {
      return;
    }
    candidates_.clear();
    collect();
    measure();
    std::sort(candidates_.begin(), candidates_.end(), nearer);
    add_diverse();
    add_nearest();
  }

  // Neighbours of the row's neighbours, of ordinal `first` and above.
  void collect_neighbors(Ordinal first) {
    for (uint32_t i = 0; i < size_; ++i) {
      const Ordinal* theirs = graph_.list(list_[i]);
      for (uint32_t j = 0; j < old_sizes_[list_[i]]; ++j) {
        if (theirs[j] >= first) {
          candidates_.push_back({0, theirs[j], list_[i]});
        }
      }
    }
    keep_new_ones();
  }

  // What the row's old list had, and rows that are new to it. Rows of the base had been given the
  // best of each other before: looking at these again takes twice as many distances for lists that
  // are no better.
  void collect_known() {
    found_.clear();
    known_->neighbors(row_, &found_);
    add_found();
    collect_neighbors(row_ < known_->base() ? known_->base() : 0);
  }

  void collect_behind_dead() {
    found_.clear();
    known_->neighbors_of_dead(row_, &found_);
    add_found();
    keep_new_ones();
  }

  void add_found() {
    copies_.make_originals(row_, &found_);
    for (Ordinal neighbor : found_) {
      candidates_.push_back({0, neighbor, kNoOrdinal});
    }
  }

  void measure() {
    for (Candidate& candidate : candidates_) {
      candidate.distance = distance_(row_, candidate.row);
    }
  }

  // Each once, without the row itself and what its list has already, and nothing from outside its
  // group in the graph of one.
  void keep_new_ones() {
    std::sort(candidates_.begin(), candidates_.end(), [](const Candidate& a, const Candidate& b) {
      return a.row != b.row ? a.row < b.row : a.via < b.via;
    });
    auto same = [](const Candidate& a, const Candidate& b) { return a.row == b.row; };
    candidates_.erase(std::unique(candidates_.begin(), candidates_.end(), same), candidates_.end());
    auto known = [&](const Candidate& candidate) {
      return candidate.row == row_ ||
             (group_ != RowGroups::kNone && copies_.near().of(candidate.row) != group_) ||
             std::find(list_, list_ + size_, candidate.row) != list_ + size_;
    };
    candidates_.erase(std::remove_if(candidates_.begin(), candidates_.end(), known),
                      candidates_.end());
  }

  // The pruning rule of HNSW and Vamana, relaxed: a candidate is left out if a row of the list is
  // alpha times nearer to it than the list's own row.
  void add_diverse() {
    for (Candidate& candidate : candidates_) {
      if (size_ == slots_) {
        return;
      }
      if (is_diverse(candidate)) {
        list_[size_++] = candidate.row;
        candidate.row = kNoOrdinal;
      }
    }
  }

  // Most candidates are left out for the neighbour they came by, so that one is looked at first.
  bool is_diverse(const Candidate& candidate) const {
    auto hides = [&](Ordinal other) {
      return alpha_ * distance_(candidate.row, other) < candidate.distance;
    };
    const bool hidden = candidate.via != kNoOrdinal && hides(candidate.via);
    return !hidden && std::none_of(list_, list_ + size_, hides);
  }

  void add_nearest() {
    for (const Candidate& candidate : candidates_) {
      if (size_ == slots_) {
        return;
      }
      if (candidate.row != kNoOrdinal) {
        list_[size_++] = candidate.row;
      }
    }
  }

  CountedDistances distance_;
  const Copies& copies_;
  const KnownLists* known_;
  const std::vector<uint8_t>& old_sizes_;
  Graph& graph_;
  float alpha_;
  Ordinal row_ = 0;          // being filled
  Ordinal* list_ = nullptr;  // its list
  uint32_t size_ = 0;
  uint32_t slots_ = 0;                         // it may use
  RowGroups::Group group_ = RowGroups::kNone;  // in whose graph the list is
  std::vector<Candidate> candidates_;
  std::vector<Ordinal> found_;
};

// In the graphs of near rows FAISS's rule leaves some rows without a way in: where all distances
// are about the same, as among rows of noise, it hides most. So the rows that a list names get to
// name its row as well, where they have room.
void link_back(const Copies& copies, Graph* graph) {
  const RowGroups& near = copies.near();
  const uint32_t slots = Copies::inner_degree(graph->degree);
  std::vector<Ordinal> before;
  for (RowGroups::Group group = 0; group < near.count(); ++group) {
    for (uint32_t i = 1; i < near.size(group); ++i) {  // the first is in no such graph
      const Ordinal row = near.members(group)[i];
      before.assign(graph->list(row), graph->list(row) + graph->list_size(row));
      for (const Ordinal neighbor : before) {
        Ordinal* list = graph->list(neighbor);
        const uint32_t size = graph->list_size(neighbor);
        if (size < slots && std::find(list, list + size, row) == list + size) {
          list[size] = row;
        }
      }
    }
  }
}

}  // namespace

void fill_lists(const FilledRows& rows, const GraphOptions& options, BuildMonitor& monitor,
                Graph* graph) {
  link_back(rows.copies, graph);
  std::vector<uint8_t> old_sizes(graph->rows);
  for (Ordinal row = 0; row < graph->rows; ++row) {
    old_sizes[row] = static_cast<uint8_t>(graph->list_size(row));
  }
  std::atomic<uint64_t> distances{0};
  SharedWork shared;
  shared.work = [&](RowQueue& queue) {
    ListFiller filler(rows, old_sizes, graph);
    for (uint32_t i; queue.next(&i);) {
      filler.fill(rows.order[i]);
    }
    distances += filler.distances();
  };
  run_threads(graph->rows, options.threads, monitor, shared);
  graph->work.distances += distances;
}

size_t filling_bytes_per_row() { return sizeof(uint8_t); }

size_t filling_bytes_per_thread(const GraphOptions& options) {
  size_t degree = layer0_degree(options.m);
  // Neighbours of neighbours and an old list; vectors may double.
  return degree * (degree + 1) * 2 * (sizeof(Candidate) + sizeof(Ordinal));
}

}  // namespace vseg
