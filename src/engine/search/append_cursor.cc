#include "engine/search/append_cursor.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "engine/common/errors.h"
#include "engine/kernels/distance.h"

#include "engine/common/engine_only.h"

namespace vseg {
namespace {

// How far below its estimate a row's lower bound is, in the estimate's standard deviations: one row
// in 30,000 is nearer than its bound.
constexpr float kDeviations = 4;

// In place of the lower bound of a row that has been compared.
constexpr float kRead = -kNoBound;

// Rows are read a round at a time, in the order of their pages, since short rows share pages. Each
// round doubles the rows read so far. While one is read, the pages of the next rows are fetched.
constexpr uint32_t kFirstRound = 32;
constexpr uint32_t kPrefetchedRows = 8;

constexpr float kFarthest = std::numeric_limits<float>::max();

// Squares of longer queries might overflow when a row's are added.
constexpr float kLongest = 9e18f;

// The query as the signed sums of a chain's codes are taken with it: relative to the centroid,
// where distances are.
std::vector<float> coded_form(const Query& query, const std::vector<float>& centroid) {
  std::vector<float> form(query.vector(), query.vector() + query.dimensions());
  if (query.metric() != Metric::kInnerProduct) {
    for (size_t i = 0; i < form.size(); i++) {
      form[i] -= centroid[i];
    }
  }
  return form;
}

float length_of(const std::vector<float>& vector) {
  return std::sqrt(distance_kernels().inner_product(vector.data(), vector.data(), vector.size()));
}

}  // namespace

AppendCursor::AppendCursor(PageSource& pages, const DirectoryEntry& entry, const Query& query)
    : chain_(pages, entry, query.dimensions()), query_(query) {}

bool AppendCursor::next_batch(uint32_t wanted, float bound, std::vector<Candidate>* rows) {
  wanted_ = wanted;
  const bool first = !std::exchange(started_, true);
  if (first) {
    read_chain();
  }
  take_up_found();
  search(bound);
  while (waiting_ && limit(bound) > taken_to_) {
    take_up_bounds(next_bound(limit(bound), first));
    search(bound);
  }
  const size_t before = rows->size();
  deliver(bound, rows);
  return rows->size() > before || waiting_ || !unread_.empty() || !found_.empty();
}

Tid AppendCursor::tid(Ordinal ordinal) { return page_of(ordinal).entry(row_of(ordinal)).tid; }

UnsealedRows AppendCursor::unsealed(uint16_t clock) const {
  UnsealedRows unsealed;
  for (const EntryPage& page : pages_) {
    if (page.rows() > 0) {
      unsealed.add({page.rows(), seconds_since(page.appended_at(), clock)});
    }
  }
  return unsealed;
}

// Entry pages first, so that the next code page is always known.
void AppendCursor::read_chain() {
  while (chain_.next_page()) {
    pages_.push_back(chain_.take_page());
  }
  bounds_.resize(pages_.size() * chain_.layout().capacity);
  std::unique_ptr<CodedQuery> coded;
  for (uint32_t i = 0; i < pages_.size(); i++) {
    const EntryPage& page = pages_[i];
    if (page.coded_groups() > 0) {
      if (coded == nullptr) {
        coded = coded_query(page);
      }
      scan_codes(i, *coded);
    }
    compare_rows(i, page.coded_rows());
  }
  std::make_heap(found_.begin(), found_.end(), farther);
}

// An overflow anywhere below makes bounds that are no numbers, or minus infinity: nothing is known
// then of the rows, and all are compared.
std::unique_ptr<CodedQuery> AppendCursor::coded_query(const EntryPage& page) {
  if (!has_append_codes(query_.metric(), chain_.layout())) {
    throw CorruptIndexError(page.block(), "append entry page has codes that its index cannot have");
  }
  centroid_ = page.centroid();
  const std::vector<float> centroid = chain_.centroid(page);
  const std::vector<float> form = coded_form(query_, centroid);
  auto coded =
      std::make_unique<CodedQuery>(Rotation(query_.dimensions()), kAppendGroupRows, form.data());
  const float length = length_of(form);
  own_distance_ = query_.distance(centroid.data());
  margin_ = length <= kLongest ? kDeviations * coded->sum_deviation(length)
                               : std::numeric_limits<float>::infinity();
  return coded;
}

// Lower bounds of the page's rows with codes. Sums of huge elements overflow, some rows have no
// code, and damaged codes may give anything: where a bound is no number nothing is known of the
// row, and it is among the first to be compared.
void AppendCursor::scan_codes(uint32_t index, const CodedQuery& coded) {
  const EntryPage& page = pages_[index];
  if (page.centroid() != centroid_) {
    throw CorruptIndexError(page.block(), "append chain has two centroids");
  }
  for (uint32_t group = 0; group < page.coded_groups(); group++) {
    prefetch_codes_after(index, group);
    float* bounds = bounds_of(index, group);
    coded.lower_bounds(own_distance_, margin_, chain_.codes(page, group), kAppendGroupRows, bounds);
    for (uint32_t lane = 0; lane < kAppendGroupRows; lane++) {
      bounds[lane] = std::fabs(bounds[lane]) <= kFarthest ? bounds[lane] : -kFarthest;
    }
  }
  waiting_ |= page.coded_groups() > 0;
}

// Up to which lower bound rows are to be taken up next, given the limit of the batch. While the
// batch is not full that is for the nearest groups to say: at least as many rows as they are. A
// scan that comes back for more takes up as many as it had: so often it has to look at all bounds.
float AppendCursor::next_bound(float limit, bool first) {
  if (first) {
    return batch_.size() == wanted_ ? limit : std::min(limit, bound_of_groups(wanted_));
  }
  const float more = bound_of_groups(std::max(wanted_, taken_));
  return batch_.size() == wanted_ ? std::max(limit, more) : more;
}

// The least lower bound up to which so many groups have rows that wait.
float AppendCursor::bound_of_groups(uint32_t groups) {
  std::vector<float> nearest;
  for (uint32_t index = 0; index < pages_.size(); index++) {
    for (uint32_t group = 0; group < pages_[index].coded_groups(); group++) {
      const float* bounds = bounds_of(index, group);
      float least = kNoBound;
      for (uint32_t lane = 0; lane < kAppendGroupRows; lane++) {
        const float waiting = bounds[lane] > taken_to_ ? bounds[lane] : kNoBound;
        least = waiting < least ? waiting : least;
      }
      nearest.push_back(least);
    }
  }
  if (groups >= nearest.size()) {
    return kNoBound;
  }
  std::nth_element(nearest.begin(), nearest.begin() + groups, nearest.end());
  return nearest[groups];
}

// Rows with lower bounds up to `bound` no longer wait.
void AppendCursor::take_up_bounds(float bound) {
  const size_t before = unread_.size();
  waiting_ = false;
  for (uint32_t index = 0; index < pages_.size(); index++) {
    for (uint32_t group = 0; group < pages_[index].coded_groups(); group++) {
      const float* bounds = bounds_of(index, group);
      uint32_t taken = 0, beyond = 0;
      for (uint32_t lane = 0; lane < kAppendGroupRows; lane++) {
        taken += bounds[lane] <= taken_to_ ? 1 : 0;
        beyond += bounds[lane] > bound ? 1 : 0;
      }
      waiting_ |= beyond > 0;
      if (taken + beyond < kAppendGroupRows) {
        take_up_group(index, group, bound);
      }
    }
  }
  taken_ += static_cast<uint32_t>(unread_.size() - before);
  taken_to_ = bound;
  std::make_heap(unread_.begin(), unread_.end(), farther);
}

void AppendCursor::take_up_group(uint32_t index, uint32_t group, float bound) {
  const float* bounds = bounds_of(index, group);
  for (uint32_t lane = 0; lane < kAppendGroupRows; lane++) {
    const uint32_t row = group * kAppendGroupRows + lane;
    if (bounds[lane] > taken_to_ && bounds[lane] <= bound && is_live(pages_[index], row)) {
      unread_.push_back({bounds[lane], ordinal_of(index, row)});
    }
  }
}

// Where a code page begins, the one after it is asked for.
void AppendCursor::prefetch_codes_after(uint32_t index, uint32_t group) {
  const uint32_t per_page = std::max(chain_.layout().groups_per_page, 1u);
  if (group % per_page != 0) {
    return;
  }
  const uint32_t next = group + per_page;
  if (next < pages_[index].coded_groups()) {
    chain_.prefetch_codes(pages_[index], next);
  } else if (index + 1 < pages_.size() && pages_[index + 1].coded_groups() > 0) {
    chain_.prefetch_codes(pages_[index + 1], 0);
  }
}

void AppendCursor::compare_rows(uint32_t index, uint32_t first_row) {
  const EntryPage& page = pages_[index];
  for (uint32_t row = first_row; row < page.rows(); row++) {
    if (is_live(page, row)) {
      found_.push_back({query_.distance(chain_.vector(page, row)), ordinal_of(index, row)});
    }
  }
}

bool AppendCursor::is_live(const EntryPage& page, uint32_t row) const {
  const AppendEntry& entry = page.entry(row);
  if ((entry.flags & kEntryDead) != 0) {
    return false;
  }
  if (entry.tid.offset == 0) {
    throw CorruptIndexError(page.block(), "append entry has an invalid heap address");
  }
  return true;
}

void AppendCursor::take_up_found() {
  while (batch_.size() < wanted_ && !found_.empty()) {
    find(take_nearest(&found_));
  }
}

// Rows farther than this are not of the batch.
float AppendCursor::limit(float bound) const {
  return batch_.size() == wanted_ ? std::min(bound, batch_.front().distance) : bound;
}

void AppendCursor::search(float bound) {
  for (uint32_t rows = kFirstRound; next_round(limit(bound), rows); rows *= 2) {
    for (size_t i = 0; i < std::min<size_t>(kPrefetchedRows, round_.size()); i++) {
      prefetch_vector(i);
    }
    for (size_t i = 0; i < round_.size(); i++) {
      if (i + kPrefetchedRows < round_.size()) {
        prefetch_vector(i + kPrefetchedRows);
      }
      read(round_[i], bound);
    }
  }
}

// Compares a row, and those of its vector page that would be next.
void AppendCursor::read(Ordinal ordinal, float bound) {
  if (bounds_[ordinal] == kRead) {
    return;
  }
  const EntryPage& page = page_of(ordinal);
  const uint32_t per_page = std::max(chain_.layout().vectors_per_page, 1u);
  const uint32_t own = row_of(ordinal), first = own / per_page * per_page;
  const uint32_t end = std::min(first + per_page, page.coded_rows());
  for (uint32_t row = first; row < end; row++) {
    const Ordinal other = ordinal - own + row;
    float& lower = bounds_[other];
    if (row == own || (lower > kRead && lower <= limit(bound) && is_live(page, row))) {
      find({query_.distance(chain_.vector(page, row)), other});
      lower = kRead;
    }
  }
}

// Chooses up to `rows` rows that may be within the limit, the first by lower bound; false: none
// may.
bool AppendCursor::next_round(float limit, uint32_t rows) {
  round_.clear();
  while (round_.size() < rows && !unread_.empty() && unread_.front().distance <= limit) {
    const Ordinal ordinal = take_nearest(&unread_).ordinal;
    if (bounds_[ordinal] != kRead) {
      round_.push_back(ordinal);
    }
  }
  std::sort(round_.begin(), round_.end());
  return !round_.empty();
}

void AppendCursor::prefetch_vector(size_t i) {
  chain_.prefetch_vector(page_of(round_[i]), row_of(round_[i]));
}

// Adds a row to the batch, whose farthest row gives way.
void AppendCursor::find(const Candidate& candidate) {
  batch_.push_back(candidate);
  std::push_heap(batch_.begin(), batch_.end(), nearer);
  if (batch_.size() > wanted_) {
    std::pop_heap(batch_.begin(), batch_.end(), nearer);
    add_to_heap(batch_.back(), &found_);
    batch_.pop_back();
  }
}

void AppendCursor::deliver(float bound, std::vector<Candidate>* rows) {
  std::sort_heap(batch_.begin(), batch_.end(), nearer);
  for (const Candidate& candidate : batch_) {
    if (candidate.distance <= bound) {
      rows->push_back(candidate);
    } else {
      add_to_heap(candidate, &found_);
    }
  }
  batch_.clear();
}

}  // namespace vseg
