// What a walk of a graph has seen and not expanded.
#ifndef VSEG_ENGINE_SEARCH_FRONTIER_H_
#define VSEG_ENGINE_SEARCH_FRONTIER_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/search/cursor.h"
#include "engine/search/visited_set.h"
#include "engine/segment/tombstones.h"

namespace vseg {

// Each row is in one of: the heap (in order, to be expanded next), deferred_ (too far for this
// batch to look at: a plain vector, so that a batch costs no more than a search that forgets such
// rows), passed_over_ (dead, and not to be read). Where distances are estimates a row is there as
// often as a neighbour led to it; where they are exact, once.
//
// Dead rows are passed over unread as long as the live ones have enough neighbours to find their
// way around them. Where two thirds of the rows met lately are dead the walk is in a hole that
// deletes left, and whoever walks decides how it gets out.
class Frontier {
 public:
  // `visited`: the rows that have been read. `through_dead`: pass no dead row over.
  Frontier(Tombstones& tombstones, const VisitedSet& visited, bool through_dead)
      : tombstones_(tombstones), visited_(visited), through_dead_(through_dead) {}
  Frontier(const Frontier&) = delete;
  Frontier& operator=(const Frontier&) = delete;

  // A new batch, which keeps the `width` nearest estimates in order.
  void begin_batch(uint32_t width);

  // Rows this far or farther are deferred.
  float limit() const { return limit_; }
  void lower_limit(float limit);

  bool empty() const { return heap_.empty(); }

  // Whether there is a row for this batch to look at.
  bool has_near() const { return !heap_.empty() && heap_.front().distance <= limit_; }

  bool all_seen() const { return heap_.empty() && deferred_.empty() && passed_over_.empty(); }

  // REQUIRES: !empty().
  const Candidate& nearest() const { return heap_.front(); }
  Candidate pop();

  // The one after the nearest, or null: of few rows it does not matter.
  const Candidate* second() const;

  // Estimated neighbours of a row that was read. `estimates` may be longer than `rows`.
  void add(const std::vector<Ordinal>& rows, const std::vector<float>& estimates);

  // Estimated rows of an entry block, while the heap has no others; order_entries() when all are
  // there.
  void add_entries(const std::vector<Ordinal>& rows, const std::vector<float>& estimates);
  void order_entries();

  // One row, in order, or out of this batch's way.
  void push(const Candidate& candidate);
  void defer(const Candidate& candidate) { deferred_.push_back(candidate); }

  // Whether something nearer than rows found may be among what was put aside.
  bool holds_back() const { return trimmed_ || !through_dead_; }

  // Most rows met lately are dead.
  bool in_hole() const { return in_hole_; }

  // The walk has new entry points outside, or else goes through the dead rows from now on.
  void leave_hole(bool entered_elsewhere);

  // Passes no more dead rows over, unless around a hole, which may be large.
  void go_through_dead() { through_dead_ = through_dead_ || !hole_left_; }

  // Forgets all rows.
  void clear();

  // No limit for now; returns what it was.
  float lift_limit();

  // To look at what was trimmed off, and at least `width` of it; or, where nothing was, at the dead
  // rows passed over.
  void look_further(uint32_t width);

  // The nearest of what was deferred, and passed over if that is done with, competes again.
  void take_up_deferred();

  // All of it, where distances are exact.
  const std::vector<Candidate>& deferred() const { return deferred_; }
  void take_up_all();

  // A row is put aside once for each neighbour that leads to it. Since then it may have been read.
  void forget_visited();

 private:
  size_t defer_far(const std::vector<Ordinal>& rows, const std::vector<float>& estimates);
  bool passes_over(const Candidate& candidate);
  void trim();
  void look_for_hole();

  Tombstones& tombstones_;
  const VisitedSet& visited_;
  std::vector<Candidate> heap_;  // nearest first
  std::vector<Candidate> deferred_;
  std::vector<Candidate> passed_over_;
  std::vector<Candidate> near_;  // of the rows being added: estimates within the limit
  float limit_ = kNoBound;
  uint32_t width_ = 0;
  bool trimmed_ = false;    // rows nearer than those found may be deferred
  bool unordered_ = false;  // the heap, of entries
  bool through_dead_;
  bool in_hole_ = false;
  bool hole_left_ = false;
  uint32_t met_dead_ = 0;  // dead rows that were passed over lately,
  uint32_t met_live_ = 0;  // and live ones, each as often as it was met
};

}  // namespace vseg

#endif  // VSEG_ENGINE_SEARCH_FRONTIER_H_
