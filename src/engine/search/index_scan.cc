#include "engine/search/index_scan.h"

#include <algorithm>
#include <utility>

#include "engine/common/errors.h"
#include "engine/search/append_cursor.h"
#include "engine/search/scan_choice.h"
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

// `bounded`: other members are searched before.
bool scans_rows(const DirectoryEntry& entry, const Query& query, const ScanOptions& options,
                bool bounded) {
  if (options.segments != SegmentSearchMode::kAuto) {
    return options.segments == SegmentSearchMode::kRows;
  }
  const uint64_t live_rows = entry.rows - std::min(entry.rows, entry.dead_rows);
  return prefers_scan(
      {entry.rows, live_rows, options.ef_search, query.dimensions(), query.metric(), bounded});
}

std::unique_ptr<Cursor> make_cursor(PageSource& pages, const DirectoryEntry& entry,
                                    const Query& query, const ScanOptions& options, bool bounded) {
  const uint32_t ef = options.ef_search;
  switch (entry.kind) {
    case MemberKind::kAppendChain:
    case MemberKind::kFlatRun:
      return std::make_unique<AppendCursor>(pages, entry, query, ef);
    case MemberKind::kGraphSegment:
      if (scans_rows(entry, query, options, bounded)) {
        return std::make_unique<SegmentScanCursor>(pages, entry, query, ef);
      }
      return std::make_unique<SegmentCursor>(pages, entry, query, ef);
  }
  throw CorruptIndexError(kMetapageBlock, "metapage lists a member of an unknown kind");
}

// The ef nearest distances found so far.
class NearestDistances {
 public:
  explicit NearestDistances(size_t ef) : ef_(ef) {}

  void add(const std::vector<Candidate>& rows) {
    for (const Candidate& row : rows) {
      heap_.push_back(row.distance);
      std::push_heap(heap_.begin(), heap_.end());
      if (heap_.size() > ef_) {
        std::pop_heap(heap_.begin(), heap_.end());
        heap_.pop_back();
      }
    }
  }

  float bound() const { return heap_.size() < ef_ ? kNoBound : heap_.front(); }

 private:
  size_t ef_;
  std::vector<float> heap_;  // farthest first
};

}  // namespace

IndexScan::IndexScan(PageSource& pages, const Metapage& metapage, Query query,
                     const ScanOptions& options)
    : query_(std::move(query)), options_(options) {
  check_metapage(metapage, query_);
  options_.ef_search = std::max(options_.ef_search, 1u);
  std::vector<const DirectoryEntry*> entries;
  for (uint32_t i = 0; i < metapage.directory_count; i++) {
    entries.push_back(&metapage.directory[i]);
  }
  std::stable_sort(
      entries.begin(), entries.end(),
      [](const DirectoryEntry* a, const DirectoryEntry* b) { return a->rows > b->rows; });
  for (const DirectoryEntry* entry : entries) {
    const bool bounded = !members_.empty();
    members_.emplace_back();
    members_.back().cursor = make_cursor(pages, *entry, query_, options_, bounded);
  }
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
  NearestDistances found(options_.ef_search);
  for (Member& member : members_) {
    fetch(&member, found.bound());
    found.add(member.batch);
  }
}

// Replaces the member's batch, which is used up, by its next.
void IndexScan::fetch(Member* member, float bound) {
  member->batch.clear();
  member->position = 0;
  member->exhausted = !member->cursor->next_batch(bound, &member->batch);
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
      fetch(member, kNoBound);
    }
  }
}

}  // namespace vseg
