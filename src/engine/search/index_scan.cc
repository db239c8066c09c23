#include "engine/search/index_scan.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>

#include "engine/common/errors.h"
#include "engine/search/append_cursor.h"
#include "engine/search/batch_size.h"
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
    : query_(std::move(query)), options_(options), found_(options.ef_search) {
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
  }
}

// The first member is searched without a bound, those that follow with one.
std::unique_ptr<Cursor> IndexScan::make_cursor(PageSource& pages, const DirectoryEntry& entry,
                                               double share) {
  BatchSize size(options_.ef_search);
  if (members_.empty() && entry.kind == MemberKind::kGraphSegment) {
    first_rows_ = rows_of_share(options_.ef_search, share);
    size = BatchSize(options_.ef_search, first_rows_);
  }
  switch (entry.kind) {
    case MemberKind::kAppendChain:
    case MemberKind::kFlatRun:
      return std::make_unique<AppendCursor>(pages, entry, query_, size.ef());
    case MemberKind::kGraphSegment:
      if (scans_rows({entry.rows, live_rows(entry), size.rows(), query_.dimensions(),
                      query_.metric(), share, !members_.empty()})) {
        return std::make_unique<SegmentScanCursor>(pages, entry, query_, size);
      }
      return std::make_unique<SegmentCursor>(pages, entry, query_, size, share);
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
    if (heap_.size() > ef_) {
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
  if (!started_) {
    started_ = true;
    first_batches();
  }
  bool strict = options_.iterative == IterativeScan::kStrictOrder;
  bool off = options_.iterative == IterativeScan::kOff;
  while (!off || returned_ < options_.ef_search) {
    Member* member = nearest();
    if (member == nullptr) {
      return false;
    }
    const Candidate row = member->batch[member->position++];
    if (strict && row.distance < last_distance_) {
      dropped_++;
      continue;
    }
    last_distance_ = row.distance;
    returned_++;
    *hit = {row.distance, member->cursor->tid(row.ordinal)};
    return true;
  }
  return false;
}

void IndexScan::first_batches() {
  float bound = kNoBound;
  for (Member& member : members_) {
    fetch(&member, bound);
    const bool has_share = &member == members_.data() && member.batch.size() == first_rows_;
    bound = std::min({bound, found_.bound(), has_share ? member.searched_to : kNoBound});
  }
  if (found_.bound() == kNoBound) {
    complete_batches();
  }
}

// Fewer than ef rows have been found: those nearby are not spread as all rows are.
void IndexScan::complete_batches() {
  for (Member& member : members_) {
    if (found_.bound() == kNoBound) {
      extend(&member, kNoBound);
    }
  }
  // Nobody comes back for what the others have within that.
  if (options_.iterative == IterativeScan::kOff) {
    for (Member& member : members_) {
      if (member.searched_to < found_.bound()) {
        extend(&member, found_.bound());
      }
    }
  }
}

// Adds its next batch to the one that the member has.
void IndexScan::extend(Member* member, float bound) {
  const size_t before = member->batch.size();
  member->cursor->next_batch(bound, &member->batch);
  member->searched_to = bound;
  if (member->batch.size() == before) {
    return;
  }
  const auto added = member->batch.begin() + static_cast<ptrdiff_t>(before);
  found_.add(member->batch, before);
  std::inplace_merge(member->batch.begin(), added, member->batch.end(), nearer);
  if (bound == kNoBound) {
    member->searched_to = member->batch.back().distance;
  }
}

// Replaces the member's batch, which is used up, by its next.
void IndexScan::fetch(Member* member, float bound) {
  member->batch.clear();
  member->position = 0;
  member->exhausted = !member->cursor->next_batch(bound, &member->batch);
  found_.add(member->batch, 0);
  bool full = member->batch.size() >= options_.ef_search;
  if (full || (bound == kNoBound && !member->batch.empty())) {
    member->searched_to = member->batch.back().distance;
  } else {
    member->searched_to = bound;
  }
}

// The member that the merge comes to next. Among equals one that has a row at hand goes first:
// whatever another may find at that distance is not too late then.
IndexScan::Member* IndexScan::nearest_member() {
  auto comes_before = [](const Member& a, const Member& b) {
    return a.next_distance() != b.next_distance() ? a.next_distance() < b.next_distance()
                                                  : !a.used_up() && b.used_up();
  };
  Member* best = nullptr;
  for (Member& member : members_) {
    if (!member.exhausted && (best == nullptr || comes_before(member, *best))) {
      best = &member;
    }
  }
  return best;
}

// The member whose batch has the next row; null when there is none.
IndexScan::Member* IndexScan::nearest() {
  for (;;) {
    Member* member = nearest_member();
    if (member == nullptr || !member->used_up()) {
      return member;
    }
    if (options_.iterative == IterativeScan::kOff) {
      member->exhausted = true;
    } else {
      fetch(member, bound_to_resume(*member));
    }
  }
}

// Who wants no more than ef rows need not know what is farther than the ef-th.
float IndexScan::bound_to_resume(const Member& member) const {
  const bool within = returned_ < options_.ef_search && member.searched_to < found_.bound();
  return within ? found_.bound() : kNoBound;
}

}  // namespace vseg
