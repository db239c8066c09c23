#include "engine/search/segment_cursor.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "engine/common/errors.h"
#include "engine/quantizer/edge_codes.h"
#include "engine/quantizer/rotation.h"
#include "engine/search/entry_descent.h"
#include "engine/search/scan_choice.h"

#include "engine/common/engine_only.h"

namespace vseg {
namespace {

// Rows a batch reads, about so many for each of ef, with and without codes: what the visited set
// starts with.
constexpr uint32_t kReadPerRow = 2;
constexpr uint32_t kReadPerRowUncoded = 32;
constexpr uint32_t kMaxExpectedRows = 100000;

uint32_t expected_rows(uint32_t ef, const SegmentHeader& header) {
  const uint64_t per_row = header.code_bytes != 0 ? kReadPerRow : kReadPerRowUncoded;
  return static_cast<uint32_t>(std::min<uint64_t>({ef * per_row, header.rows, kMaxExpectedRows}));
}

// A batch keeps as many rows of the frontier in a heap as it looks for (under a bound, as it must
// find before that may end it), and not fewer than this.
// With more it reads a few more rows, finds a little more, and has more to sort.
constexpr uint32_t kMinWidth = 16;

// A neighbour is a near copy of a row whose distance to it is this part of the query's, or less.
constexpr float kNearCopy = 1.0F / 16;

// Where only distances to the query are known, copies are rows that differ so little in theirs.
// Others may be among them, which wait as copies do.
constexpr float kSameDistance = 1.0F / 1024;

}  // namespace

SegmentCursor::SegmentCursor(PageSource& pages, const DirectoryEntry& entry, const Query& query,
                             uint32_t ef, double share, SegmentSearchMode mode)
    : segment_(pages, entry, query.dimensions()),
      tombstones_(pages, segment_, entry.dead_rows > 0),
      query_(query),
      live_rows_(static_cast<uint32_t>(entry.rows - std::min(entry.rows, entry.dead_rows))),
      bounded_ef_(rows_before_bound(ef, share, query.metric())),
      visited_(expected_rows(ef, segment_.header())),
      frontier_(tombstones_, visited_, entry.dead_rows == 0 || segment_.header().code_bytes == 0),
      only_walks_(mode == SegmentSearchMode::kGraph) {
  if (segment_.header().metric != query.metric()) {
    throw CorruptIndexError(entry.header_block, "segment header has another metric than its index");
  }
  if (segment_.header().code_bytes != 0) {
    coded_ = &query.coded(segment_.header().degree);
    estimates_.resize(segment_.header().degree);
    factors_.resize(segment_.header().degree);
    padded_ = padded_dimensions(query_.dimensions());
    const bool product = query_.metric() == Metric::kInnerProduct;
    factor_per_length_ = (product ? 1.0F : 2.0F) / length_of_factor(padded_);
    if (product) {
      query_length_ = std::sqrt(-query_.distance(query_.vector()));
    } else if (segment_.header().own != OwnVector::kSplit) {
      // Rounding adds the deviation times the factor to an estimate: too much where that is more
      // than a quarter of the square of the edge's length.
      blur_ = 4 * coded_->sum_deviation(0) * factor_per_length_ * factor_per_length_;
      blurred_within_ = blur_ / factor_per_length_ * blur_ / factor_per_length_;
    }
  }
}

bool SegmentCursor::next_batch(uint32_t wanted, float bound, std::vector<Candidate>* rows) {
  if (live_rows_ == 0) {
    return false;
  }
  if (!std::exchange(started_, true)) {
    begin_first_batch(wanted, bound);
    walk();
    came_near_ = true;
  } else {
    if (!rest_compared_ && rather_compares_rest(wanted, bound)) {
      compare_rest();
    }
    begin_later_batch(wanted, bound);
    if (!rest_compared_) {
      walk();
    }
  }
  if (batch_.size() < kept_ && !rest_compared_ && all_seen()) {
    compare_rest();  // there may be rows that no list leads to
    take_up_found();
  }
  const size_t before = rows->size();
  deliver(rows);
  return rows->size() > before || has_rows_left();
}

bool SegmentCursor::has_rows_left() const {
  return !found_.empty() || !spilled_.empty() || !rest_compared_;
}

// Once it has rows enough the walk meets dead ones again and again, and no live ones that are new.
bool SegmentCursor::is_lost_in_hole() const { return frontier_.in_hole() && batch_.size() < kept_; }

void SegmentCursor::walk() {
  for (;;) {
    while (frontier_.has_near() && !is_lost_in_hole()) {
      if (expansions_ > 0) {
        expand_nearest();
      } else {
        compare_nearest();
      }
    }
    if (is_lost_in_hole()) {
      if (rather_compares_all_around_hole()) {
        compare_rest();
        take_up_found();
        return;
      }
      frontier_.leave_hole(enter_elsewhere());
      continue;
    }
    if (all_seen() && enter_elsewhere()) {
      continue;
    }
    if (needs_deferred()) {
      take_up_deferred();
      continue;
    }
    // Copies that were left may turn out to have been seen, and all with them.
    if (!take_up_copy() && !(all_seen() && enter_elsewhere())) {
      return;
    }
  }
}

// Whether the batch must look at rows that it trimmed off after all, for some of those it kept were
// dead or had been seen; or, when that is done, at the dead ones that it passed over.
bool SegmentCursor::needs_deferred() {
  if (batch_.size() == kept_ || !frontier_.holds_back()) {
    return false;
  }
  const float searched_to = frontier_.lift_limit();
  lower_limit();
  if (frontier_.limit() <= searched_to && frontier_.limit() < kNoBound) {
    return false;  // they are beyond the bound
  }
  frontier_.look_further(kept_);
  return true;
}

void SegmentCursor::begin_first_batch(uint32_t wanted, float bound) {
  wanted_ = wanted;
  bound_ = bound;
  expansions_ = std::numeric_limits<uint32_t>::max();
  kept_ = coded_ == nullptr ? wanted : rows_to_keep(wanted, query_.dimensions());
  frontier_.begin_batch(std::max(bound_ < kNoBound ? bounded_ef_ : kept_, kMinWidth));
  enter();
}

// What earlier batches left competes again, the nearest of it for this batch.
void SegmentCursor::begin_later_batch(uint32_t wanted, float bound) {
  wanted_ = wanted;
  bound_ = bound;
  kept_ = coded_ == nullptr ? wanted : rows_to_keep(wanted, query_.dimensions());
  if (coded_ != nullptr) {
    // Half of the rows, and no fewer than a first batch of default size would.
    constexpr uint32_t kMinExpanded = 40;
    expansions_ = std::max(kept_ / 2, std::min(kept_, kMinExpanded));
    frontier_.go_through_dead();
    for (const Candidate& candidate : postponed_) {
      frontier_.defer(candidate);
    }
    postponed_.clear();
  }
  frontier_.begin_batch(std::max(2 * kept_, kMinWidth));
  frontier_.lower_limit(bound);
  if (coded_ == nullptr) {
    take_up_deferred();
    take_up_found();
  } else {
    take_up_found();
    take_up_deferred();
  }
}

// Walking costs more for each row that it finds than comparing does for each that is left. Under a
// bound it may cost nothing.
bool SegmentCursor::rather_compares_rest(uint32_t wanted, float bound) const {
  if (only_walks_ || bound < kNoBound) {
    return false;
  }
  const uint32_t left = live_rows_ - std::min(live_rows_, delivered_);
  return prefers_scan({std::max(segment_.rows(), 1u), left, wanted, query_.dimensions(),
                       query_.metric(), 1, false});
}

// From outside a hole the nearest rows around it are hard to walk to: where comparing all rows
// takes no longer than a query may, it is what finds them.
bool SegmentCursor::rather_compares_all_around_hole() const {
  constexpr double kMostTime = 2e6;  // nanoseconds
  return !only_walks_ && scan_time({std::max(segment_.rows(), 1u), live_rows_, wanted_,
                                    query_.dimensions(), query_.metric(), 1, false}) <= kMostTime;
}

// All live rows that have not been delivered are found now, with their exact distances.
void SegmentCursor::compare_rest() {
  rest_compared_ = true;
  if (coded_ == nullptr) {
    take_up_deferred();
    for (const Candidate& copy : copies_) {
      if (!tombstones_.dead(copy.ordinal)) {
        spilled_.push_back(copy);
      }
    }
  }
  spilled_.insert(spilled_.end(), expanded_copies_.begin(), expanded_copies_.end());
  copies_.clear();
  expanded_copies_.clear();
  postponed_.clear();
  frontier_.clear();
  std::vector<Ordinal> live;
  tombstones_.collect_live(&live);
  constexpr size_t kAhead = 8;
  for (size_t i = 0; i < live.size(); i++) {
    if (i + kAhead < live.size()) {
      segment_.prefetch_vector(live[i + kAhead]);
    }
    if (!visited_.contains(live[i]) && !compared_.contains(live[i])) {
      spilled_.push_back({query_.distance(segment_.vector(live[i])), live[i]});
    }
  }
}

// Without codes what is deferred has been compared.
void SegmentCursor::take_up_deferred() {
  if (coded_ != nullptr) {
    frontier_.take_up_deferred();
    return;
  }
  for (const Candidate& candidate : frontier_.deferred()) {
    if (!tombstones_.dead(candidate.ordinal)) {
      spilled_.push_back(candidate);
    }
  }
  frontier_.take_up_all();
}

void SegmentCursor::take_up_found() {
  add_to_heap(spilled_, &found_);
  spilled_.clear();
  for (uint32_t i = 0; i < kept_ && !found_.empty(); i++) {
    find(take_nearest(&found_));
  }
}

void SegmentCursor::enter() {
  entered_ = EntryDescent(segment_, query_, coded_).nearest_blocks();
  for (uint32_t block : entered_) {
    enter_at(block);
  }
  frontier_.order_entries();
  prefetch_nearest();
}

// Sees the rows of an entry block of the last level. Leaves what is estimated without order.
void SegmentCursor::enter_at(uint32_t block) {
  const NodeView entry = segment_.entry_block(segment_.entry_tree().levels() - 1, block);
  neighbors_.assign(entry.neighbors, entry.neighbors + entry.neighbor_count);
  if (coded_ == nullptr) {
    see_all(kNoBound, &neighbors_);
  } else {
    estimate(entry, query_.distance(entry.vector));
    frontier_.add_entries(neighbors_, estimates_);
  }
}

// Where all that can be reached from the entry points so far has been seen, at all the others.
// Returns whether there were any.
bool SegmentCursor::enter_elsewhere() {
  const EntryTree& tree = segment_.entry_tree();
  const EntryLevel last = tree.levels() == 0 ? EntryLevel{0, 0} : tree.level(tree.levels() - 1);
  if (entered_.size() == last.count) {
    return false;
  }
  for (uint32_t block = last.first; block < last.first + last.count; block++) {
    if (std::find(entered_.begin(), entered_.end(), block) == entered_.end()) {
      enter_at(block);
    }
  }
  entered_.resize(last.count);
  frontier_.order_entries();
  // The nearest of so many estimates are too low to tell what is worth looking at.
  frontier_.lift_limit();
  lower_limit();
  return true;
}

// `from`: the distance of the row whose neighbours they are.
void SegmentCursor::see_all(float from, std::vector<Ordinal>* ordinals) {
  auto seen_before = [this](Ordinal ordinal) { return !visited_.insert(ordinal); };
  ordinals->erase(std::remove_if(ordinals->begin(), ordinals->end(), seen_before), ordinals->end());
  for (Ordinal ordinal : *ordinals) {
    segment_.prefetch_node(ordinal);
  }
  for (Ordinal ordinal : *ordinals) {
    see(from, ordinal);
  }
}

void SegmentCursor::see(float from, Ordinal ordinal) {
  Candidate candidate{query_.distance(segment_.vector(ordinal)), ordinal};
  if (from < kNoBound && std::fabs(candidate.distance - from) <= kSameDistance * std::fabs(from)) {
    add_to_heap(candidate, &copies_);
    return;
  }
  if (candidate.distance >= frontier_.limit()) {
    frontier_.defer(candidate);
    return;
  }
  frontier_.push(candidate);
  if (!tombstones_.dead(ordinal)) {
    find(candidate);
  }
}

// Adds a live row to the batch, whose farthest row gives way.
void SegmentCursor::find(const Candidate& candidate) {
  batch_.push_back(candidate);
  std::push_heap(batch_.begin(), batch_.end(), nearer);
  if (batch_.size() > kept_) {
    std::pop_heap(batch_.begin(), batch_.end(), nearer);
    spilled_.push_back(batch_.back());
    batch_.pop_back();
  }
  if (bound_ < kNoBound && !came_near_) {
    nearest_.push_back(candidate.distance);
    std::push_heap(nearest_.begin(), nearest_.end());
    if (nearest_.size() > bounded_ef_) {
      std::pop_heap(nearest_.begin(), nearest_.end());
      nearest_.pop_back();
    }
  }
  lower_limit();
}

void SegmentCursor::lower_limit() { frontier_.lower_limit(reach()); }

float SegmentCursor::reach() const {
  const float farthest = batch_.size() == kept_ ? batch_.front().distance : kNoBound;
  if (came_near_) {
    return std::min(farthest, bound_);
  }
  const float within =
      nearest_.size() == bounded_ef_ ? std::max(bound_, nearest_.front()) : kNoBound;
  return std::min(farthest, within);
}

void SegmentCursor::expand_nearest() {
  const Candidate nearest = frontier_.pop();
  if (coded_ != nullptr) {
    read(nearest.ordinal);
    return;
  }
  segment_.neighbors(nearest.ordinal, &neighbors_);
  see_all(nearest.distance, &neighbors_);
}

// Compares a row with the query and estimates the distances of its neighbours, in one page.
void SegmentCursor::read(Ordinal ordinal) {
  if (!visited_.insert(ordinal)) {
    return;  // reached through another neighbour before
  }
  const NodeView node = segment_.node(ordinal);
  const float distance = query_.distance(node.vector);
  neighbors_.assign(node.neighbors, node.neighbors + node.neighbor_count);
  estimate(node, distance);
  const bool has_copies = sees_copies(node, distance);
  if (has_copies) {
    set_copies_aside();
  }
  if (distance < blurred_within_) {
    compare_blurred();
  }
  const bool live = !tombstones_.dead(ordinal);
  expansions_ -= live && expansions_ > 0 ? 1 : 0;
  if (live && !compared_.contains(ordinal)) {
    if (has_copies && is_found(distance)) {
      add_to_heap({distance, ordinal}, &expanded_copies_);
    } else {
      find({distance, ordinal});
    }
  }
  frontier_.add(neighbors_, estimates_);
  prefetch_nearest();
}

// Compares the nearest rows of the frontier with the query, a few at a time, so that their pages
// are fetched together.
void SegmentCursor::compare_nearest() {
  constexpr size_t kRound = 16;
  neighbors_.clear();
  while (neighbors_.size() < kRound && frontier_.has_near()) {
    const Candidate candidate = frontier_.pop();
    if (visited_.contains(candidate.ordinal)) {
      continue;
    }
    if (tombstones_.dead(candidate.ordinal) || !compared_.insert(candidate.ordinal)) {
      postponed_.push_back(candidate);
      continue;
    }
    neighbors_.push_back(candidate.ordinal);
    segment_.prefetch_node_vector(candidate.ordinal);
  }
  for (Ordinal ordinal : neighbors_) {
    const Candidate candidate{query_.distance(segment_.node_vector(ordinal)), ordinal};
    postponed_.push_back(candidate);
    find(candidate);
  }
}

// Whether some neighbours are copies of the row being read: nearer to it than a small part of its
// distance to the query. The code of an equal row has factors 0, so it is one of them.
bool SegmentCursor::sees_copies(const NodeView& node, float distance) {
  const bool product = query_.metric() == Metric::kInnerProduct;
  // Under the inner product, instead of the distance: the row's length along the query.
  const float away = product ? std::fabs(distance) / query_length_ : std::sqrt(distance);
  near_ = kNearCopy * away * factor_per_length_;
  // Nearly always there are none. There are as many lanes as the degree, in groups that the
  // compiler compares at once; those behind the last neighbour are infinitely far.
  constexpr uint32_t kAtOnce = 16;
  const uint32_t degree = segment_.header().degree;
  int copies = 0;
  for (uint32_t first = 0; first < degree; first += kEdgeGroupLanes) {
    const std::byte* scalings = edge_scalings(node.codes, padded_, degree, first);
    for (uint32_t i = 0; i < edge_group_lanes(degree, first); i += kAtOnce) {
      float* factors = factors_.data() + first + i;
      std::memcpy(factors, scalings + i * sizeof(float), kAtOnce * sizeof(float));
      for (uint32_t lane = 0; lane < kAtOnce; lane++) {
        const bool near = std::fabs(factors[lane]) <= near_;
        copies += near & (estimates_[first + i + lane] < kNoBound) ? 1 : 0;
      }
    }
  }
  if (copies == 0) {
    return false;
  }
  // Two rows of a group may be twice as far apart as each is from a third.
  spread_ = 0;
  for (size_t i = 0; i < neighbors_.size(); i++) {
    spread_ = is_copy(i) ? std::max(spread_, std::fabs(factors_[i])) : spread_;
  }
  spread_ *= 2 * (product ? query_length_ : 2 * away) / factor_per_length_;
  return true;
}

// A neighbour that codes cannot tell anything about is infinitely near.
bool SegmentCursor::is_copy(size_t neighbor) const {
  return std::fabs(factors_[neighbor]) <= near_ && std::fabs(estimates_[neighbor]) < kNoBound;
}

void SegmentCursor::set_copies_aside() {
  size_t kept = 0;
  for (size_t i = 0; i < neighbors_.size(); i++) {
    if (!is_copy(i)) {
      neighbors_[kept] = neighbors_[i];
      factors_[kept] = factors_[i];
      estimates_[kept++] = estimates_[i];
    } else if (!visited_.contains(neighbors_[i])) {
      add_to_heap({estimates_[i], neighbors_[i]}, &copies_);
    }
  }
  neighbors_.resize(kept);
}

// Exact distances of the neighbours that codes cannot tell from each other.
void SegmentCursor::compare_blurred() {
  auto unknown = [this](size_t i) {
    return std::fabs(factors_[i]) < blur_ && !visited_.contains(neighbors_[i]);
  };
  for (size_t i = 0; i < neighbors_.size(); i++) {
    if (unknown(i)) {
      segment_.prefetch_node_vector(neighbors_[i]);
    }
  }
  for (size_t i = 0; i < neighbors_.size(); i++) {
    if (unknown(i)) {
      estimates_[i] = query_.distance(segment_.node_vector(neighbors_[i]));
    }
  }
}

// Whether the batch has a copy of a row this far away.
bool SegmentCursor::is_found(float distance) const {
  return std::any_of(batch_.begin(), batch_.end(), [&](const Candidate& found) {
    return std::fabs(found.distance - distance) <= spread_;
  });
}

// The nearest copy competes again, where it is nearer than rows of the batch. Returns
// whether there was one.
bool SegmentCursor::take_up_copy() {
  if (!expanded_copies_.empty() && expanded_copies_.front().distance < reach()) {
    find(take_nearest(&expanded_copies_));
    return true;
  }
  while (!copies_.empty()) {
    const Candidate copy = copies_.front();
    const bool known = coded_ != nullptr && visited_.contains(copy.ordinal);
    if (!known && copy.distance >= reach()) {
      return false;
    }
    take_nearest(&copies_);
    if (known) {
      continue;
    }
    if (coded_ != nullptr && tombstones_.dead(copy.ordinal)) {
      neighbors_.assign(1, copy.ordinal);
      estimates_[0] = copy.distance;
      frontier_.add(neighbors_, estimates_);
    } else if (coded_ != nullptr) {
      read(copy.ordinal);
    } else {
      frontier_.push(copy);
      if (!tombstones_.dead(copy.ordinal)) {
        find(copy);
      }
    }
    return true;
  }
  return false;
}

// The row that is likely expanded next, and the one after it, which has the time to arrive.
void SegmentCursor::prefetch_nearest() {
  if (frontier_.empty()) {
    return;
  }
  segment_.prefetch_node(frontier_.nearest().ordinal);
  if (const Candidate* second = frontier_.second(); second != nullptr) {
    segment_.prefetch_node(second->ordinal);
  }
}

void SegmentCursor::estimate(const NodeView& node, float distance) {
  coded_->estimate(distance, node.codes, node.neighbor_count, estimates_.data());
}

// Compares the batch's rows with the query exactly, where the walk went by the first parts of their
// vectors.
void SegmentCursor::compare_exactly() {
  constexpr size_t kAhead = 3;
  for (size_t i = 0; i < batch_.size(); i++) {
    if (i + kAhead < batch_.size()) {
      segment_.prefetch_remainder(batch_[i + kAhead].ordinal);
    }
    batch_[i].distance = query_.distance(segment_.vector(batch_[i].ordinal));
  }
  std::make_heap(batch_.begin(), batch_.end(), nearer);
}

void SegmentCursor::deliver(std::vector<Candidate>* rows) {
  if (segment_.header().own == OwnVector::kSplit) {
    compare_exactly();
  }
  std::sort_heap(batch_.begin(), batch_.end(), nearer);
  auto end = batch_.begin();
  while (end != batch_.end() && end - batch_.begin() < wanted_ && end->distance <= bound_) {
    ++end;
  }
  rows->insert(rows->end(), batch_.begin(), end);
  delivered_ += static_cast<uint32_t>(end - batch_.begin());
  spilled_.insert(spilled_.end(), end, batch_.end());
  batch_.clear();
}

}  // namespace vseg
