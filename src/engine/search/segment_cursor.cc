#include "engine/search/segment_cursor.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>

#include "engine/common/errors.h"
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

// A walk that has met so many dead rows for each live one, lately, goes through them.
constexpr uint32_t kMostDead = 2;
constexpr uint32_t kRemembered = 128;

// A batch keeps as many rows of the frontier in a heap as it looks for (under a bound, as it must
// find before that may end it), and not fewer than this.
// With twice as many a search of MNIST took a sixth more time at the same recall, of GloVe as much:
// it reads a few more rows, finds a little more, and has more to sort.
constexpr uint32_t kMinWidth = 16;

}  // namespace

SegmentCursor::SegmentCursor(PageSource& pages, const DirectoryEntry& entry, const Query& query,
                             BatchSize size, double share)
    : segment_(pages, entry, query.dimensions()),
      tombstones_(pages, segment_, entry.dead_rows > 0),
      query_(query),
      batch_size_(size),
      bounded_ef_(rows_before_bound(size.ef(), share, query.metric())),
      all_dead_(entry.dead_rows >= entry.rows),
      visited_(expected_rows(size.ef(), segment_.header())) {
  if (segment_.header().metric != query.metric()) {
    throw CorruptIndexError(entry.header_block, "segment header has another metric than its index");
  }
  if (segment_.header().code_bytes != 0) {
    coded_ = &query.coded(segment_.header().degree);
    estimates_.resize(segment_.header().degree);
  }
  through_dead_ = entry.dead_rows == 0 || coded_ == nullptr;
}

void SegmentCursor::set_widths() {
  const uint32_t rows = batch_size_.rows();
  kept_ = coded_ == nullptr ? rows : rows_to_keep(rows, query_.dimensions());
  width_ = std::max(bound_ < kNoBound ? bounded_ef_ : kept_, kMinWidth);
}

bool SegmentCursor::next_batch(float bound, std::vector<Candidate>* rows) {
  if (all_dead_) {
    return false;
  }
  begin_batch(bound);
  walk();
  if (all_seen() && visited_.size() != segment_.rows()) {
    throw CorruptIndexError(segment_.block(0), "graph of the segment does not reach all rows");
  }
  size_t before = rows->size();
  deliver(rows);
  return rows->size() > before || !all_seen() || !found_.empty() || !spilled_.empty();
}

void SegmentCursor::walk() {
  for (;;) {
    while (!frontier_.empty() && frontier_.front().distance <= limit_) {
      expand_nearest();
    }
    if (all_seen() && enter_elsewhere()) {
      continue;
    }
    if (!needs_deferred()) {
      return;
    }
    take_up_deferred();
  }
}

// Whether the batch must look at rows that it trimmed off after all, for some of those it kept were
// dead or had been seen; or, when that is done, at the dead ones that it passed over.
bool SegmentCursor::needs_deferred() {
  if (batch_.size() == kept_ || (!trimmed_ && through_dead_)) {
    return false;
  }
  const float searched_to = std::exchange(limit_, kNoBound);
  lower_limit();
  if (limit_ <= searched_to && limit_ < kNoBound) {
    return false;  // they are beyond the bound
  }
  through_dead_ = through_dead_ || !trimmed_;
  trimmed_ = false;
  width_ = std::max(width_, kept_);
  return true;
}

// What earlier batches left competes again, the nearest of it for this batch.
void SegmentCursor::begin_batch(float bound) {
  bound_ = bound;
  limit_ = kNoBound;
  trimmed_ = false;
  nearest_.clear();
  if (!started_) {
    started_ = true;
    set_widths();
    enter();
    return;
  }
  batch_size_.grow();
  set_widths();
  through_dead_ = true;
  forget_known();
  take_up_deferred();
  take_up_found();
}

// The nearest of what was deferred, and passed over if that is done with, competes again.
void SegmentCursor::take_up_deferred() {
  if (coded_ == nullptr) {
    take_up_compared();
    return;
  }
  if (through_dead_) {
    deferred_.insert(deferred_.end(), passed_over_.begin(), passed_over_.end());
    passed_over_.clear();
  }
  const auto near = deferred_.end() - std::min<ptrdiff_t>(width_, deferred_.size());
  if (near != deferred_.begin()) {
    std::nth_element(deferred_.begin(), near, deferred_.end(), farther);
    limit_ = std::min(limit_, near->distance);
    trimmed_ = true;
  }
  ptrdiff_t known = 0;
  for (auto candidate = near; candidate != deferred_.end(); ++candidate) {
    if (visited_.contains(candidate->ordinal)) {
      known++;
    } else if (!passes_over(*candidate)) {
      push(*candidate);
    }
  }
  const bool many_known = known > (deferred_.end() - near) / 4;
  deferred_.erase(near, deferred_.end());
  if (many_known) {
    forget_known();
  }
}

// Without codes what is deferred has been compared.
void SegmentCursor::take_up_compared() {
  for (const Candidate& candidate : deferred_) {
    if (!tombstones_.dead(candidate.ordinal)) {
      spilled_.push_back(candidate);
    }
  }
  add_to_heap(deferred_, &frontier_);
  deferred_.clear();
}

// A row is put aside once for each neighbour that leads to it. Since then it may have been read.
void SegmentCursor::forget_known() {
  auto known = [this](const Candidate& c) { return visited_.contains(c.ordinal); };
  if (coded_ != nullptr) {
    deferred_.erase(std::remove_if(deferred_.begin(), deferred_.end(), known), deferred_.end());
  }
}

void SegmentCursor::take_up_found() {
  add_to_heap(spilled_, &found_);
  spilled_.clear();
  for (uint32_t i = 0; i < kept_ && !found_.empty(); i++) {
    std::pop_heap(found_.begin(), found_.end(), farther);
    Candidate candidate = found_.back();
    found_.pop_back();
    find(candidate);
  }
}

// Few are pushed one by one; many make a new heap, which costs a few steps an element.
void SegmentCursor::add_to_heap(const std::vector<Candidate>& added, std::vector<Candidate>* heap) {
  if (added.size() > heap->size() / 8) {
    heap->insert(heap->end(), added.begin(), added.end());
    std::make_heap(heap->begin(), heap->end(), farther);
    return;
  }
  for (const Candidate& candidate : added) {
    heap->push_back(candidate);
    std::push_heap(heap->begin(), heap->end(), farther);
  }
}

void SegmentCursor::enter() {
  entered_ = EntryDescent(segment_, query_, coded_).nearest_blocks();
  for (uint32_t block : entered_) {
    enter_at(block);
  }
  order_frontier();
  prefetch_nearest();
}

// Sees the rows of an entry block of the last level. Leaves the frontier without order.
void SegmentCursor::enter_at(uint32_t block) {
  const NodeView entry = segment_.entry_block(segment_.entry_tree().levels() - 1, block);
  neighbors_.assign(entry.neighbors, entry.neighbors + entry.neighbor_count);
  if (coded_ == nullptr) {
    see_all(&neighbors_);
  } else {
    estimate(entry, query_.distance(entry.vector));
    const size_t near = defer_far_estimates();
    std::copy_if(near_.begin(), near_.begin() + near, std::back_inserter(frontier_),
                 [this](const Candidate& candidate) { return !passes_over(candidate); });
  }
}

// Puts a dead row aside, so that it is not read, unless the walk goes through dead rows. Of what it
// met, what is long ago counts less.
bool SegmentCursor::passes_over(const Candidate& candidate) {
  if (through_dead_) {
    return false;
  }
  if (met_live_ + met_dead_ >= kRemembered) {
    met_live_ /= 2;
    met_dead_ /= 2;
  }
  if (!tombstones_.dead(candidate.ordinal)) {
    met_live_++;
    return false;
  }
  met_dead_++;
  passed_over_.push_back(candidate);
  return true;
}

void SegmentCursor::order_frontier() {
  if (coded_ != nullptr && frontier_.size() > width_) {
    trim_frontier();
  } else {
    std::make_heap(frontier_.begin(), frontier_.end(), farther);
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
  order_frontier();
  return true;
}

void SegmentCursor::see_all(std::vector<Ordinal>* ordinals) {
  auto seen_before = [this](Ordinal ordinal) { return !visited_.insert(ordinal); };
  ordinals->erase(std::remove_if(ordinals->begin(), ordinals->end(), seen_before), ordinals->end());
  for (Ordinal ordinal : *ordinals) {
    segment_.prefetch_node(ordinal);
  }
  for (Ordinal ordinal : *ordinals) {
    see(ordinal);
  }
}

void SegmentCursor::see(Ordinal ordinal) {
  Candidate candidate{query_.distance(segment_.vector(ordinal)), ordinal};
  if (candidate.distance >= limit_) {
    deferred_.push_back(candidate);
    return;
  }
  push(candidate);
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
  if (bound_ < kNoBound) {
    nearest_.push_back(candidate.distance);
    std::push_heap(nearest_.begin(), nearest_.end());
    if (nearest_.size() > bounded_ef_) {
      std::pop_heap(nearest_.begin(), nearest_.end());
      nearest_.pop_back();
    }
  }
  lower_limit();
}

void SegmentCursor::lower_limit() {
  if (batch_.size() == kept_) {
    limit_ = std::min(limit_, batch_.front().distance);
  }
  if (nearest_.size() == bounded_ef_) {
    limit_ = std::min(limit_, std::max(bound_, nearest_.front()));
  }
}

void SegmentCursor::expand_nearest() {
  std::pop_heap(frontier_.begin(), frontier_.end(), farther);
  Ordinal ordinal = frontier_.back().ordinal;
  frontier_.pop_back();
  if (coded_ != nullptr) {
    read(ordinal);
    return;
  }
  segment_.neighbors(ordinal, &neighbors_);
  see_all(&neighbors_);
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
  if (!tombstones_.dead(ordinal)) {
    find({distance, ordinal});
  }
  push_estimates();
  if (!through_dead_ && met_dead_ > kMostDead * met_live_) {
    through_dead_ = true;
    take_up_deferred();
  }
  prefetch_nearest();
}

// The row that is likely expanded next, and the one after it, which has the time to arrive.
void SegmentCursor::prefetch_nearest() {
  if (frontier_.empty()) {
    return;
  }
  segment_.prefetch_node(frontier_.front().ordinal);
  if (frontier_.size() > 2) {
    const bool first = frontier_[1].distance <= frontier_[2].distance;
    segment_.prefetch_node(frontier_[first ? 1 : 2].ordinal);
  }
}

void SegmentCursor::estimate(const NodeView& node, float distance) {
  coded_->estimate(distance, node.codes, node.neighbor_count, estimates_.data());
}

// Most neighbours are farther than the limit: they are set aside before anything else is asked.
void SegmentCursor::push_estimates() {
  const size_t near = defer_far_estimates();
  for (size_t i = 0; i < near; i++) {
    if (!visited_.contains(near_[i].ordinal) && !passes_over(near_[i])) {
      push(near_[i]);
    }
  }
  if (frontier_.size() > 2 * width_) {
    trim_frontier();
  }
}

// Puts the estimated neighbours into near_, whose first elements (as many as returned) are nearer
// than the limit, or behind deferred_. Which of the two is a matter of chance to the processor, so
// each candidate is written to both places and counted in one.
size_t SegmentCursor::defer_far_estimates() {
  const size_t count = neighbors_.size(), before = deferred_.size();
  near_.resize(count);
  deferred_.resize(before + count);
  Candidate* far = deferred_.data() + before;
  size_t near = 0, deferred = 0;
  for (size_t i = 0; i < count; i++) {
    const float estimate = orderable(estimates_[i]);
    const Candidate candidate{estimate, neighbors_[i]};
    near_[near] = candidate;
    far[deferred] = candidate;
    near += estimate < limit_ ? 1 : 0;
    deferred += estimate < limit_ ? 0 : 1;
  }
  deferred_.resize(before + deferred);
  return near;
}

// Keeps the width_ nearest of the frontier for this batch, at a few steps for each row that comes
// in; the limit falls to the farthest of them.
void SegmentCursor::trim_frontier() {
  const auto end = frontier_.begin() + width_;
  std::nth_element(frontier_.begin(), end - 1, frontier_.end(), nearer);
  limit_ = std::min(limit_, (end - 1)->distance);
  trimmed_ = true;
  deferred_.insert(deferred_.end(), end, frontier_.end());
  frontier_.erase(end, frontier_.end());
  std::make_heap(frontier_.begin(), frontier_.end(), farther);
}

void SegmentCursor::push(const Candidate& candidate) {
  frontier_.push_back(candidate);
  std::push_heap(frontier_.begin(), frontier_.end(), farther);
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
  while (end != batch_.end() && end - batch_.begin() < batch_size_.rows() &&
         end->distance <= bound_) {
    ++end;
  }
  rows->insert(rows->end(), batch_.begin(), end);
  spilled_.insert(spilled_.end(), end, batch_.end());
  batch_.clear();
}

}  // namespace vseg
