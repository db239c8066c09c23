#include "engine/graph/list_filling.h"

#include <algorithm>
#include <vector>

#include "engine/format/segment_format.h"
#include "engine/graph/worker_threads.h"

#include "engine/common/engine_only.h"

namespace vseg {
namespace {

struct Candidate {
  float distance;
  Ordinal row;
  Ordinal via;  // a neighbour that has it in its list
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
  ListFiller(const RowStore& rows, const std::vector<uint8_t>& old_sizes, Graph* graph)
      : rows_(rows), old_sizes_(old_sizes), graph_(*graph), alpha_(alpha(rows.metric())) {}

  void fill(Ordinal row) {
    size_ = old_sizes_[row];
    if (size_ == graph_.degree) {
      return;
    }
    list_ = graph_.list(row);
    collect(row);
    std::sort(candidates_.begin(), candidates_.end(), nearer);
    add_diverse();
    add_nearest();
  }

 private:
  void collect(Ordinal row) {
    candidates_.clear();
    for (uint32_t i = 0; i < size_; ++i) {
      const Ordinal* theirs = graph_.list(list_[i]);
      for (uint32_t j = 0; j < old_sizes_[list_[i]]; ++j) {
        candidates_.push_back({0, theirs[j], list_[i]});
      }
    }
    keep_new_ones(row);
    for (Candidate& candidate : candidates_) {
      candidate.distance = rows_.distance(row, candidate.row);
    }
  }

  // Each once, without the row itself and what its list has already.
  void keep_new_ones(Ordinal row) {
    std::sort(candidates_.begin(), candidates_.end(), [](const Candidate& a, const Candidate& b) {
      return a.row != b.row ? a.row < b.row : a.via < b.via;
    });
    auto same = [](const Candidate& a, const Candidate& b) { return a.row == b.row; };
    candidates_.erase(std::unique(candidates_.begin(), candidates_.end(), same), candidates_.end());
    auto known = [&](const Candidate& candidate) {
      return candidate.row == row ||
             std::find(list_, list_ + size_, candidate.row) != list_ + size_;
    };
    candidates_.erase(std::remove_if(candidates_.begin(), candidates_.end(), known),
                      candidates_.end());
  }

  // The pruning rule of HNSW and Vamana, relaxed: a candidate is left out if a row of the list is
  // alpha times nearer to it than the list's own row.
  void add_diverse() {
    for (Candidate& candidate : candidates_) {
      if (size_ == graph_.degree) {
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
      return alpha_ * rows_.distance(candidate.row, other) < candidate.distance;
    };
    return !hides(candidate.via) && std::none_of(list_, list_ + size_, hides);
  }

  void add_nearest() {
    for (const Candidate& candidate : candidates_) {
      if (size_ == graph_.degree) {
        return;
      }
      if (candidate.row != kNoOrdinal) {
        list_[size_++] = candidate.row;
      }
    }
  }

  const RowStore& rows_;
  const std::vector<uint8_t>& old_sizes_;
  Graph& graph_;
  float alpha_;
  Ordinal* list_ = nullptr;  // of the row being filled
  uint32_t size_ = 0;
  std::vector<Candidate> candidates_;
};

}  // namespace

void fill_lists(const RowStore& rows, const std::vector<Ordinal>& order,
                const GraphOptions& options, BuildMonitor& monitor, Graph* graph) {
  std::vector<uint8_t> old_sizes(graph->rows);
  for (Ordinal row = 0; row < graph->rows; ++row) {
    old_sizes[row] = static_cast<uint8_t>(graph->list_size(row));
  }
  SharedWork shared;
  shared.work = [&](RowQueue& queue) {
    ListFiller filler(rows, old_sizes, graph);
    for (uint32_t i; queue.next(&i);) {
      filler.fill(order[i]);
    }
  };
  run_threads(graph->rows, options.threads, monitor, shared);
}

size_t filling_bytes_per_row() { return sizeof(uint8_t); }

size_t filling_bytes_per_thread(const GraphOptions& options) {
  size_t degree = layer0_degree(options.m);
  return degree * degree * 2 * sizeof(Candidate);  // a vector may double
}

}  // namespace vseg
