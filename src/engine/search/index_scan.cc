#include "engine/search/index_scan.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>

#include "engine/common/errors.h"
#include "engine/search/append_cursor.h"
#include "engine/search/rounds.h"
#include "engine/search/segment_cursor.h"
#include "engine/search/segment_scan_cursor.h"

#include "engine/common/engine_only.h"

namespace vseg {
namespace {

void check_metapage(const Metapage& metapage, const Query& query) {
  auto corrupt = [](const char* what) { throw CorruptIndexError(kMetapageBlock, what); };
  if (metapage.directory_count > kMaxDirectoryEntries) {
    corrupt("metapage has too many directory entries");
  }
  if (metapage.dimensions == 0 || metapage.dimensions > kMaxDimensions ||
      metapage.dimensions != query.dimensions()) {
    corrupt("metapage has a wrong number of dimensions");
  }
  if (metapage.metric != query.metric()) {
    corrupt("metapage has a wrong metric");
  }
}

uint64_t live_rows(const DirectoryEntry& entry) {
  return entry.rows - std::min(entry.rows, entry.dead_rows);
}

using Entries = std::vector<const DirectoryEntry*>;

// By live rows, as far as they are counted: those of chains and runs are not.
Entries largest_first(const Metapage& metapage) {
  Entries entries;
  for (uint32_t i = 0; i < metapage.directory_count; i++) {
    entries.push_back(&metapage.directory[i]);
  }
  std::stable_sort(entries.begin(), entries.end(),
                   [](const DirectoryEntry* a, const DirectoryEntry* b) {
                     return live_rows(*a) > live_rows(*b);
                   });
  return entries;
}

// Of the ef nearest rows, those that a member with such a share of all live rows has when rows are
// spread at random, and a standard deviation more (of the binomial distribution). Not too few: a
// walk that looks for two rows goes astray.
uint32_t rows_of_share(uint32_t ef, double share) {
  constexpr uint32_t kMinRows = 16;
  const double expected = ef * share;
  const double rows = std::ceil(expected + std::sqrt(expected * (1 - share)));
  return std::clamp(static_cast<uint32_t>(rows), std::min(ef, kMinRows), ef);
}

}  // namespace

IndexScan::IndexScan(PageSource& pages, const Metapage& metapage, Query query,
                     const ScanOptions& options)
    : query_(std::move(query)),
      options_(options),
      unranked_(pages, metapage.unranked),
      found_(options.ef_search),
      searched_for_(options.ef_search) {
  check_metapage(metapage, query_);
  const Entries entries = largest_first(metapage);
  uint64_t all_live = 0;
  for (const DirectoryEntry* entry : entries) {
    all_live += live_rows(*entry);
  }
  for (const DirectoryEntry* entry : entries) {
    const double share = static_cast<double>(live_rows(*entry)) /
                         static_cast<double>(std::max<uint64_t>(all_live, 1));
    std::unique_ptr<Cursor> cursor = make_cursor(pages, *entry, share);
    members_.emplace_back();
    members_.back().cursor = std::move(cursor);
    members_.back().share = share;
  }
}

// The first member is searched for its share of the rows, those that follow under a bound.
std::unique_ptr<Cursor> IndexScan::make_cursor(PageSource& pages, const DirectoryEntry& entry,
                                               double share) {
  const bool bounded = !members_.empty();
  const uint32_t wanted = bounded ? options_.ef_search : rows_of_share(options_.ef_search, share);
  switch (entry.kind) {
    case MemberKind::kAppendChain:
    case MemberKind::kFlatRun:
      return std::make_unique<AppendCursor>(pages, entry, query_);
    case MemberKind::kGraphSegment:
      if (scans_rows({entry.rows, live_rows(entry), wanted, query_.dimensions(), query_.metric(),
                      share, bounded})) {
        return std::make_unique<SegmentScanCursor>(pages, entry, query_);
      }
      return std::make_unique<SegmentCursor>(pages, entry, query_, options_.ef_search, share,
                                             options_.segments);
  }
  throw CorruptIndexError(kMetapageBlock, "metapage lists a member of an unknown kind");
}

bool IndexScan::scans_rows(const SegmentSearch& search) const {
  return options_.segments == SegmentSearchMode::kAuto
             ? prefers_scan(search)
             : options_.segments == SegmentSearchMode::kRows;
}

void IndexScan::NearestDistances::add(const std::vector<Candidate>& rows, size_t from) {
  for (size_t i = from; i < rows.size(); i++) {
    heap_.push_back(rows[i].distance);
    std::push_heap(heap_.begin(), heap_.end());
    if (heap_.size() > count_) {
      std::pop_heap(heap_.begin(), heap_.end());
      heap_.pop_back();
    }
  }
}

UnsealedRows IndexScan::unsealed(uint16_t clock) const {
  UnsealedRows unsealed;
  for (const Member& member : members_) {
    unsealed.add(member.cursor->unsealed(clock));
  }
  return unsealed;
}

bool IndexScan::next(Hit* hit) {
  if (!std::exchange(started_, true)) {
    search_round();
  }
  Member* member = next_member();
  if (member == nullptr) {
    return next_unranked(hit);
  }
  const Candidate row = member->rows[member->position++];
  returned_++;
  if (options_.iterative == IterativeScan::kStrictOrder) {
    late_ += row.distance < last_distance_ ? 1 : 0;
  }
  last_distance_ = std::max(last_distance_, row.distance);
  *hit = {row.distance, member->cursor->tid(row.ordinal)};
  return true;
}

// Rows without a distance, once all others have been returned.
bool IndexScan::next_unranked(Hit* hit) {
  const bool more_ranked = least_searched() != nullptr || member_of_nearest_row() != nullptr;
  const bool enough = options_.iterative == IterativeScan::kOff && returned_ >= options_.ef_search;
  if (more_ranked || enough || !unranked_.next(&hit->tid)) {
    return false;
  }
  returned_++;
  hit->distance = std::numeric_limits<float>::quiet_NaN();
  return true;
}

// The member that has the next row; null when there is none. No member that has been searched less
// far may have a nearer one.
IndexScan::Member* IndexScan::next_member() {
  for (;;) {
    if (returned_ == returnable_ && !next_round()) {
      return nullptr;
    }
    Member* member = member_of_nearest_row();
    Member* behind = least_searched();
    if (behind == nullptr ||
        (member != nullptr && member->next_distance() <= behind->searched_to)) {
      return member;
    }
    search(behind, static_cast<uint32_t>(searched_for_ - returned_), found_.bound());
  }
}

// A round for more rows; false when all have been returned.
bool IndexScan::next_round() {
  if (options_.iterative == IterativeScan::kOff) {
    return false;
  }
  if (least_searched() == nullptr) {
    returnable_ = std::numeric_limits<uint64_t>::max();
    return member_of_nearest_row() != nullptr;
  }
  searched_for_ = rows_of_next_round(searched_for_);
  found_ = NearestDistances(searched_for_ - returned_);
  for (const Member& member : members_) {
    found_.add(member.rows, member.position);
  }
  search_round();
  return true;
}

// Looks for as many rows as the round is for. The largest member goes ahead by its share of them;
// the others follow as far as it had to go. Where that is not enough, since the rows nearby are not
// spread like all rows, it goes ahead by all that are missing.
void IndexScan::search_round() {
  bool by_share = true;
  while (found_.missing() > 0 && least_searched() != nullptr) {
    Member* behind = least_searched();
    const float reach = farthest_reach();
    if (behind->searched_to < reach) {
      search(behind, static_cast<uint32_t>(searched_for_ - returned_), reach);
      continue;
    }
    const auto missing = static_cast<uint32_t>(found_.missing());
    const bool has_share = std::exchange(by_share, false) && behind->share > 0;
    search(behind, has_share ? rows_of_share(missing, behind->share) : missing, kNoBound);
  }
  returnable_ = options_.iterative == IterativeScan::kStrictOrder
                    ? confirmed_rows(searched_for_, options_.ef_search)
                    : searched_for_;
}

// Adds the member's next rows to those that wait.
void IndexScan::search(Member* member, uint32_t wanted, float bound) {
  std::vector<Candidate>& rows = member->rows;
  rows.erase(rows.begin(), rows.begin() + static_cast<ptrdiff_t>(member->position));
  member->position = 0;
  const size_t before = rows.size();
  member->exhausted = !member->cursor->next_batch(wanted, bound, &rows);
  const bool full = rows.size() - before >= wanted;
  const float reached =
      (full || bound == kNoBound) && rows.size() > before ? rows.back().distance : bound;
  member->searched_to = std::max(member->searched_to, reached);
  found_.add(rows, before);
  std::inplace_merge(rows.begin(), rows.begin() + static_cast<ptrdiff_t>(before), rows.end(),
                     nearer);
}

IndexScan::Member* IndexScan::member_of_nearest_row() {
  Member* best = nullptr;
  for (Member& member : members_) {
    if (member.has_row() && (best == nullptr || member.next_distance() < best->next_distance())) {
      best = &member;
    }
  }
  return best;
}

// How far a member that may have more rows has been searched, at most.
float IndexScan::farthest_reach() const {
  float reach = -kNoBound;
  for (const Member& member : members_) {
    if (!member.exhausted) {
      reach = std::max(reach, member.searched_to);
    }
  }
  return reach;
}

// Of the members that may have more rows, the one that is likely to have the nearest; the largest
// among equals.
IndexScan::Member* IndexScan::least_searched() {
  Member* least = nullptr;
  for (Member& member : members_) {
    if (!member.exhausted && (least == nullptr || member.searched_to < least->searched_to)) {
      least = &member;
    }
  }
  return least;
}

}  // namespace vseg
