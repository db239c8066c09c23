#include "engine/search/segment_cursor.h"

#include <algorithm>
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
      visited_(expected_rows(size.ef(), segment_.header())),
      frontier_(tombstones_, visited_, entry.dead_rows == 0 || segment_.header().code_bytes == 0) {
  if (segment_.header().metric != query.metric()) {
    throw CorruptIndexError(entry.header_block, "segment header has another metric than its index");
  }
  if (segment_.header().code_bytes != 0) {
    coded_ = &query.coded(segment_.header().degree);
    estimates_.resize(segment_.header().degree);
  }
}

bool SegmentCursor::next_batch(float bound, std::vector<Candidate>* rows) {
  if (all_dead_) {
    return false;
  }
  begin_batch(bound);
  walk();
  if (frontier_.all_seen() && visited_.size() != segment_.rows()) {
    throw CorruptIndexError(segment_.block(0), "graph of the segment does not reach all rows");
  }
  size_t before = rows->size();
  deliver(rows);
  return rows->size() > before || !frontier_.all_seen() || !found_.empty() || !spilled_.empty();
}

void SegmentCursor::walk() {
  for (;;) {
    while (!frontier_.empty() && frontier_.nearest().distance <= frontier_.limit()) {
      expand_nearest();
    }
    if (frontier_.all_seen() && enter_elsewhere()) {
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

// What earlier batches left competes again, the nearest of it for this batch.
void SegmentCursor::begin_batch(float bound) {
  bound_ = bound;
  nearest_.clear();
  const bool first = !std::exchange(started_, true);
  if (!first) {
    batch_size_.grow();
  }
  const uint32_t rows = batch_size_.rows();
  kept_ = coded_ == nullptr ? rows : rows_to_keep(rows, query_.dimensions());
  frontier_.begin_batch(std::max(bound_ < kNoBound ? bounded_ef_ : kept_, kMinWidth));
  if (first) {
    enter();
    return;
  }
  if (coded_ != nullptr) {
    frontier_.forget_visited();
  }
  take_up_deferred();
  take_up_found();
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
    std::pop_heap(found_.begin(), found_.end(), farther);
    Candidate candidate = found_.back();
    found_.pop_back();
    find(candidate);
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
    see_all(&neighbors_);
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
    frontier_.lower_limit(batch_.front().distance);
  }
  if (nearest_.size() == bounded_ef_) {
    frontier_.lower_limit(std::max(bound_, nearest_.front()));
  }
}

void SegmentCursor::expand_nearest() {
  const Ordinal ordinal = frontier_.pop().ordinal;
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
  frontier_.add(neighbors_, estimates_);
  prefetch_nearest();
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
  while (end != batch_.end() && end - batch_.begin() < batch_size_.rows() &&
         end->distance <= bound_) {
    ++end;
  }
  rows->insert(rows->end(), batch_.begin(), end);
  spilled_.insert(spilled_.end(), end, batch_.end());
  batch_.clear();
}

}  // namespace vseg
