#include "engine/search/frontier.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "engine/common/engine_only.h"

namespace vseg {
namespace {

// A walk that has met so many dead rows for each live one, lately, is in a hole.
constexpr uint32_t kMostDead = 2;
constexpr uint32_t kRemembered = 128;

}  // namespace

void Frontier::begin_batch(uint32_t width) {
  width_ = width;
  limit_ = kNoBound;
  trimmed_ = false;
}

void Frontier::lower_limit(float limit) { limit_ = std::min(limit_, limit); }

float Frontier::lift_limit() { return std::exchange(limit_, kNoBound); }

Candidate Frontier::pop() {
  std::pop_heap(heap_.begin(), heap_.end(), farther);
  const Candidate nearest = heap_.back();
  heap_.pop_back();
  return nearest;
}

const Candidate* Frontier::second() const {
  if (heap_.size() <= 2) {
    return nullptr;
  }
  return heap_[1].distance <= heap_[2].distance ? &heap_[1] : &heap_[2];
}

// Most neighbours are farther than the limit: they are set aside before anything else is asked.
void Frontier::add(const std::vector<Ordinal>& rows, const std::vector<float>& estimates) {
  const size_t near = defer_far(rows, estimates);
  for (size_t i = 0; i < near; i++) {
    if (!visited_.contains(near_[i].ordinal) && !passes_over(near_[i])) {
      push(near_[i]);
    }
  }
  if (heap_.size() > 2 * width_) {
    trim();
  }
  look_for_hole();
}

void Frontier::look_for_hole() {
  constexpr uint32_t kEnough = 32;  // to tell by
  in_hole_ =
      !through_dead_ && !hole_left_ && met_dead_ >= kEnough && met_dead_ > kMostDead * met_live_;
}

void Frontier::leave_hole(bool entered_elsewhere) {
  in_hole_ = false;
  hole_left_ = true;
  if (!entered_elsewhere) {
    through_dead_ = true;
    take_up_deferred();
  }
}

void Frontier::clear() {
  heap_.clear();
  deferred_.clear();
  passed_over_.clear();
}

void Frontier::add_entries(const std::vector<Ordinal>& rows, const std::vector<float>& estimates) {
  const size_t near = defer_far(rows, estimates);
  unordered_ = true;
  std::copy_if(near_.begin(), near_.begin() + static_cast<ptrdiff_t>(near),
               std::back_inserter(heap_),
               [this](const Candidate& candidate) { return !passes_over(candidate); });
}

void Frontier::order_entries() {
  look_for_hole();
  if (!std::exchange(unordered_, false)) {
    return;
  }
  if (heap_.size() > width_) {
    trim();
  } else {
    std::make_heap(heap_.begin(), heap_.end(), farther);
  }
}

void Frontier::push(const Candidate& candidate) {
  heap_.push_back(candidate);
  std::push_heap(heap_.begin(), heap_.end(), farther);
}

// Puts the rows into near_, whose first elements (as many as returned) are nearer than the limit,
// or behind deferred_. Which of the two is a matter of chance to the processor, so each candidate
// is written to both places and counted in one.
size_t Frontier::defer_far(const std::vector<Ordinal>& rows, const std::vector<float>& estimates) {
  const size_t count = rows.size(), before = deferred_.size();
  near_.resize(count);
  deferred_.resize(before + count);
  Candidate* far = deferred_.data() + before;
  size_t near = 0, deferred = 0;
  for (size_t i = 0; i < count; i++) {
    const float estimate = orderable(estimates[i]);
    const Candidate candidate{estimate, rows[i]};
    near_[near] = candidate;
    far[deferred] = candidate;
    near += estimate < limit_ ? 1 : 0;
    deferred += estimate < limit_ ? 0 : 1;
  }
  deferred_.resize(before + deferred);
  return near;
}

// Puts a dead row aside, so that it is not read, unless the walk goes through dead rows. Of what it
// met, what is long ago counts less.
bool Frontier::passes_over(const Candidate& candidate) {
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

// Keeps the width_ nearest for this batch, at a few steps for each row that comes in; the limit
// falls to the farthest of them.
void Frontier::trim() {
  const auto end = heap_.begin() + width_;
  std::nth_element(heap_.begin(), end - 1, heap_.end(), nearer);
  limit_ = std::min(limit_, (end - 1)->distance);
  trimmed_ = true;
  deferred_.insert(deferred_.end(), end, heap_.end());
  heap_.erase(end, heap_.end());
  std::make_heap(heap_.begin(), heap_.end(), farther);
}

void Frontier::look_further(uint32_t width) {
  through_dead_ = through_dead_ || !trimmed_;
  trimmed_ = false;
  width_ = std::max(width_, width);
}

void Frontier::take_up_deferred() {
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
    forget_visited();
  }
}

void Frontier::take_up_all() {
  add_to_heap(deferred_, &heap_);
  deferred_.clear();
}

void Frontier::forget_visited() {
  auto known = [this](const Candidate& c) { return visited_.contains(c.ordinal); };
  deferred_.erase(std::remove_if(deferred_.begin(), deferred_.end(), known), deferred_.end());
}

}  // namespace vseg
