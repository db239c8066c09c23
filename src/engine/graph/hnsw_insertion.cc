#include "engine/graph/hnsw_insertion.h"

#include <algorithm>
#include <atomic>
#include <cassert>
#include <limits>
#include <optional>
#include <queue>
#include <utility>
#include <vector>

#include <faiss/impl/AuxIndexStructures.h>
#include <faiss/impl/DistanceComputer.h>
#include <faiss/impl/HNSW.h>

#include "engine/common/errors.h"
#include "engine/format/segment_format.h"
#include "engine/graph/build_work.h"
#include "engine/graph/insertion_order.h"
#include "engine/graph/row_locks.h"
#include "engine/common/worker_threads.h"

#include "engine/common/engine_only.h"

namespace vseg {
namespace {

// FAISS asks for distances to the row being inserted and between rows, never for rows themselves.
class RowDistances : public faiss::DistanceComputer {
 public:
  explicit RowDistances(const RowStore& rows) : distance_(rows) {}

  void set_row(Ordinal row) { row_ = row; }
  void set_query(const float*) override { assert(false); }
  float operator()(idx_t i) override { return distance_(row_, static_cast<Ordinal>(i)); }
  float symmetric_dis(idx_t i, idx_t j) override {
    return distance_(static_cast<Ordinal>(i), static_cast<Ordinal>(j));
  }
  uint64_t count() const { return distance_.count(); }

 private:
  CountedDistances distance_;
  Ordinal row_ = 0;
};

// Of ef_construction, what a row gets that is inserted from a neighbour it had.
constexpr uint32_t kJoiningPercent = 40;

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

// What a thread works with.
struct Tools {
  explicit Tools(const RowStore& rows) : distances(rows), visited(static_cast<int>(rows.rows())) {}

  RowDistances distances;
  faiss::VisitedTable visited;
  std::vector<Ordinal> found;
};

// Inserts the rows. Where lists are known, in three steps: rows of the base get their lists as
// layer 0, and are linked with each other by search only in the layers above, for whoever descends.
// Rows whose lists are unknown, and of the others enough to be spread over all the data, are
// inserted from the top. The rest is inserted from the nearest of the neighbours that it had, with
// fewer candidates, for it is near its place.
class Insertion {
 public:
  Insertion(const RowStore& rows, const Copies& copies, const GraphOptions& options,
            const KnownLists* known, BuildMonitor& monitor)
      : rows_(rows),
        copies_(copies),
        options_(options),
        known_(known),
        base_(known == nullptr ? 0 : known->base()),
        monitor_(monitor),
        hnsw_(static_cast<int>(options.m)) {
    hnsw_.set_nb_neighbors(0, static_cast<int>(layer0_degree(options.m)));
    hnsw_.efConstruction = static_cast<int>(options.ef_construction);
  }

  void run() {
    draw_levels(&hnsw_, rows_.rows());
    keep_copies_down();
    find_lost_lists();
    if (base_ > 0) {
      put_base_on_top();
    }
    choose_order();
    make_lists(&hnsw_);
    locks_.emplace(rows_.rows());
    if (base_ > 0) {
      run_step({0, order_.skeleton, false}, &Insertion::preset);
    }
    if (order_.inserted < rows_.rows()) {
      run_step({order_.inserted, rows_.rows()}, &Insertion::preset);
    }
    // Before threads run: FAISS sets the two one after the other, unlocked, for a row that is
    // higher than those before it. No row is higher than the first.
    hnsw_.entry_point = static_cast<int>(order_.rows[0]);
    hnsw_.max_level = top_layer(order_.rows[0]);
    run_step({0, joined_}, &Insertion::insert_from_top);
    if (joined_ < order_.inserted) {
      mark_seeds();
      hnsw_.efConstruction = joining_candidates();
      run_step({joined_, order_.inserted}, &Insertion::insert_from_neighbor);
    }
    link_near_rows();
    locks_.reset();
  }

  // What is left of it: the lists, layer 0 of a row first, and where each row's begin.
  std::vector<int32_t>& neighbors() { return hnsw_.neighbors; }
  const std::vector<size_t>& offsets() const { return hnsw_.offsets; }
  std::vector<Ordinal>& order() { return order_.rows; }
  BuildWork work() const { return {inserted_, distances_}; }

 private:
  // Rows in the order of insertion, from one place to another.
  struct Stretch {
    uint32_t begin;
    uint32_t end;
    bool reported = true;  // to the monitor, as inserted
  };
  using RowWork = void (Insertion::*)(Tools*, Ordinal);

  bool in_base(Ordinal row) const { return row < base_ && !lost_list(row); }
  bool joins(Ordinal row) const {
    return known_ != nullptr && row < known_->rows() && !lost_list(row);
  }
  bool lost_list(Ordinal row) const { return row < lost_lists_.size() && lost_lists_[row]; }
  int top_layer(Ordinal row) const { return hnsw_.levels[row] - 1; }

  void keep_copies_down() {
    for (Ordinal row = 0; row < rows_.rows(); ++row) {
      if (copies_.is_copy(row)) {
        hnsw_.levels[row] = 1;
      }
    }
  }

  void add_known(Ordinal row, std::vector<Ordinal>* found) const {
    known_->neighbors(row, found);
    copies_.make_originals(row, found);
  }

  // Lists most of which led to rows that are copies now: those rows are inserted as if they had
  // none. Where the base has no others it is none.
  void find_lost_lists() {
    if (known_ == nullptr || copies_.none()) {
      return;
    }
    lost_lists_.assign(known_->rows(), false);
    std::vector<Ordinal> found;
    for (Ordinal row = 0; row < known_->rows(); ++row) {
      if (!copies_.is_copy(row)) {
        found.clear();
        known_->neighbors(row, &found);
        const size_t named = found.size();
        copies_.make_originals(row, &found);
        lost_lists_[row] = found.size() * 2 < named;
      }
    }
    if (first_of_base() == base_) {
      known_ = nullptr;
      base_ = 0;
    }
  }

  // A row of the base that keeps its list; base_ if there is none.
  Ordinal first_of_base() const {
    Ordinal row = 0;
    while (row < base_ && (lost_list(row) || copies_.is_copy(row))) {
      ++row;
    }
    return row;
  }

  // Who descends enters at a row of the base, which has its neighbours, and above layer 0.
  void put_base_on_top() {
    auto highest = std::max_element(hnsw_.levels.begin(), hnsw_.levels.end());
    const auto row = static_cast<Ordinal>(highest - hnsw_.levels.begin());
    if (!in_base(row) || copies_.is_copy(row)) {
      const auto first = hnsw_.levels.begin() + first_of_base();
      std::swap(*highest, *first);
      highest = first;
    }
    *highest = std::max(*highest, 2);
  }

  // Copies, and rows of the base without an upper layer, need no insertion and come last.
  void choose_order() {
    std::vector<int> levels(hnsw_.levels);
    for (Ordinal row = 0; row < rows_.rows(); ++row) {
      if (copies_.is_copy(row) || (in_base(row) && levels[row] == 1)) {
        levels[row] = 0;
      }
    }
    // Before the lists are made, in the memory that is for them.
    order_ =
        insertion_order(rows_, levels, rows_.rows() * layer0_bytes_per_row(options_), monitor_);
    auto begin = order_.rows.begin();
    if (base_ > 0) {
      std::iter_swap(begin, std::find_if(begin, order_.rows.end(),
                                         [this](Ordinal row) { return in_base(row); }));
    }
    auto joined = std::stable_partition(begin + order_.skeleton, begin + order_.inserted,
                                        [this](Ordinal row) { return !joins(row); });
    joined_ = static_cast<uint32_t>(joined - begin);
    inserted_ = std::count_if(begin, begin + order_.inserted,
                              [this](Ordinal row) { return !in_base(row); });
  }

  void run_step(Stretch rows, RowWork work) {
    SharedWork shared;
    shared.work = [&](RowQueue& queue) {
      Tools tools(rows_);
      for (uint32_t i; queue.next(&i);) {
        const Ordinal row = order_.rows[rows.begin + i];
        tools.distances.set_row(row);
        (this->*work)(&tools, row);
      }
      distances_ += tools.distances.count();
    };
    if (rows.reported) {
      shared.report = [&](uint32_t taken) { monitor_.inserted(done_ + taken); };
    }
    shared.unblock = [&] { locks_->open_all(); };
    run_threads(rows.end - rows.begin, options_.threads, monitor_, shared);
    done_ += rows.reported ? rows.end - rows.begin : 0;
  }

  // Gives a row of the base its list. Where rows are to be inserted, without what FAISS's rule
  // hides: it would be in the way of every search, and leave when the first row is added.
  void preset(Tools* tools, Ordinal row) {
    if (!in_base(row) || copies_.is_copy(row)) {
      return;
    }
    tools->found.clear();
    add_known(row, &tools->found);
    if (inserted_ > 0) {
      keep_diverse(tools);
    }
    std::copy(tools->found.begin(), tools->found.end(), layer0(row));
  }

  void keep_diverse(Tools* tools) const {
    std::priority_queue<faiss::HNSW::NodeDistFarther> all;
    std::vector<faiss::HNSW::NodeDistFarther> kept;
    for (Ordinal neighbor : tools->found) {
      all.emplace(tools->distances(neighbor), static_cast<int>(neighbor));
    }
    faiss::HNSW::shrink_neighbor_list(tools->distances, all, kept, hnsw_.nb_neighbors(0));
    tools->found.clear();
    for (const auto& neighbor : kept) {
      tools->found.push_back(static_cast<Ordinal>(neighbor.id));
    }
  }

  void insert_from_top(Tools* tools, Ordinal row) {
    if (row == order_.rows[0]) {
      return;  // the entry point, which the others link to
    }
    if (in_base(row)) {
      link_above(tools, row);
    } else {
      hnsw_.add_with_locks(tools->distances, top_layer(row), static_cast<int>(row), locks_->locks(),
                           tools->visited);
    }
  }

  // As add_with_locks, without layer 0.
  void link_above(Tools* tools, Ordinal row) {
    RowLock lock(&locks_->locks()[row]);
    auto at = static_cast<Ordinal>(hnsw_.entry_point);
    for (int layer = hnsw_.max_level; layer >= 1; --layer) {
      at = descend(tools, at, layer);
      if (layer <= top_layer(row)) {
        hnsw_.add_links_starting_from(tools->distances, static_cast<int>(row), static_cast<int>(at),
                                      tools->distances(at), layer, locks_->locks().data(),
                                      tools->visited);
      }
    }
  }

  // Once: other threads shorten lists meanwhile, so that what was a row may be none when it is read
  // again. Slots are aligned, and never hold anything but a row of that layer or none.
  int32_t read_slot(size_t i) const {
    return __atomic_load_n(&hnsw_.neighbors[i], __ATOMIC_RELAXED);
  }

  // Where a greedy walk through a layer ends.
  Ordinal descend(Tools* tools, Ordinal at, int layer) const {
    float nearest = tools->distances(at);
    for (Ordinal before = kNoOrdinal; at != before;) {
      before = at;
      size_t begin;
      size_t end;
      hnsw_.neighbor_range(before, layer, &begin, &end);
      for (size_t i = begin; i < end; ++i) {
        const int32_t neighbor = read_slot(i);
        if (neighbor < 0) {
          break;
        }
        const float distance = tools->distances(neighbor);
        if (distance < nearest) {
          nearest = distance;
          at = static_cast<Ordinal>(neighbor);
        }
      }
    }
    return at;
  }

  // Rows that are in the graph before any is inserted from a neighbour.
  void mark_seeds() {
    seeds_.assign(rows_.rows(), false);
    std::fill(seeds_.begin(), seeds_.begin() + base_, true);
    for (uint32_t i = 0; i < joined_; ++i) {
      seeds_[order_.rows[i]] = true;
    }
  }

  // At least one more than a list has slots: FAISS leaves fewer unpruned.
  int joining_candidates() const {
    const auto candidates = static_cast<int>(options_.ef_construction * kJoiningPercent / 100);
    return std::max(candidates, hnsw_.nb_neighbors(0) + 1);
  }

  void insert_from_neighbor(Tools* tools, Ordinal row) {
    tools->found.clear();
    add_known(row, &tools->found);
    Ordinal nearest = kNoOrdinal;
    float distance = 0;
    for (Ordinal neighbor : tools->found) {
      if (seeds_[neighbor]) {
        const float d = tools->distances(neighbor);
        if (nearest == kNoOrdinal || d < distance) {
          nearest = neighbor;
          distance = d;
        }
      }
    }
    if (nearest == kNoOrdinal) {
      insert_from_top(tools, row);
      return;
    }
    RowLock lock(&locks_->locks()[row]);
    hnsw_.add_links_starting_from(tools->distances, static_cast<int>(row),
                                  static_cast<int>(nearest), distance, 0, locks_->locks().data(),
                                  tools->visited);
  }

  // The last step: makes a graph of each large group of near rows, of layer 0 alone. It begins at
  // the second row; the first stands for the group outside, so no way leads from one to the other.
  void link_near_rows() {
    const RowGroups& near = copies_.near();
    const auto degree = static_cast<uint32_t>(hnsw_.nb_neighbors(0));
    std::vector<Ordinal> inserted;
    for (RowGroups::Group group = 0; group < near.count(); ++group) {
      if (copies_.has_graph(group, degree)) {
        const Ordinal* members = near.members(group);
        inserted.insert(inserted.end(), members + 2, members + near.size(group));
      }
    }
    if (inserted.empty()) {
      return;
    }
    hnsw_.efConstruction = static_cast<int>(options_.ef_construction);
    shorten_lists(static_cast<int>(Copies::inner_degree(degree)));
    SharedWork shared;
    shared.work = [&](RowQueue& queue) {
      Tools tools(rows_);
      for (uint32_t i; queue.next(&i);) {
        insert_among_near(&tools, inserted[i]);
      }
      distances_ += tools.distances.count();
    };
    shared.unblock = [&] { locks_->open_all(); };
    run_threads(static_cast<uint32_t>(inserted.size()), options_.threads, monitor_, shared);
  }

  // Layer 0 keeps the first slots of each list; the layers above are not used any more.
  void shorten_lists(int degree) {
    const int fewer = hnsw_.nb_neighbors(0) - degree;
    std::vector<int>& slots = hnsw_.cum_nneighbor_per_level;
    std::for_each(slots.begin() + 1, slots.end(), [fewer](int& before) { before -= fewer; });
  }

  void insert_among_near(Tools* tools, Ordinal row) {
    const RowGroups& near = copies_.near();
    const Ordinal first = near.members(near.of(row))[1];
    tools->distances.set_row(row);
    RowLock lock(&locks_->locks()[row]);
    hnsw_.add_links_starting_from(tools->distances, static_cast<int>(row), static_cast<int>(first),
                                  tools->distances(first), 0, locks_->locks().data(),
                                  tools->visited);
  }

  Ordinal* layer0(Ordinal row) {
    return reinterpret_cast<Ordinal*>(hnsw_.neighbors.data() + hnsw_.offsets[row]);
  }

  const RowStore& rows_;
  const Copies& copies_;
  const GraphOptions& options_;
  const KnownLists* known_;  // null: none
  uint32_t base_;            // the first rows, with known lists that are kept
  BuildMonitor& monitor_;
  faiss::HNSW hnsw_;
  InsertionOrder order_;
  uint32_t joined_ = 0;  // place in the order of the first row to be inserted from a neighbour
  uint64_t inserted_ = 0;
  uint32_t done_ = 0;             // rows reported in steps that have ended
  std::vector<bool> lost_lists_;  // of rows with known lists; empty: none
  std::vector<bool> seeds_;
  std::optional<RowLocks> locks_;
  std::atomic<uint64_t> distances_{0};
};

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

Graph insert_rows(const RowStore& rows, const Copies& copies, const GraphOptions& options,
                  const KnownLists* known, BuildMonitor& monitor, std::vector<Ordinal>* order) {
  if (rows.rows() > static_cast<uint32_t>(std::numeric_limits<int>::max())) {
    throw LimitError("too many rows for one graph");  // FAISS numbers rows by int
  }
  Graph graph;
  graph.rows = rows.rows();
  graph.degree = layer0_degree(options.m);
  if (graph.rows == 0) {
    return graph;
  }
  Insertion insertion(rows, copies, options, known, monitor);
  insertion.run();
  *order = std::move(insertion.order());
  graph.work = insertion.work();
  graph.neighbors = NeighborSlots(std::move(insertion.neighbors()));
  keep_layer0(insertion.offsets(), &graph);
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
  return layer0_bytes_per_row(options) + level + offset + order + sizeof(omp_lock_t) + visited +
         Copies::kBytesPerRow;
}

}  // namespace vseg
