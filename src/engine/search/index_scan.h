// A whole search: every member of the directory, merged into one stream of rows.
#ifndef VSEG_ENGINE_SEARCH_INDEX_SCAN_H_
#define VSEG_ENGINE_SEARCH_INDEX_SCAN_H_

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

#include "engine/format/metapage.h"
#include "engine/pages/page_source.h"
#include "engine/search/cursor.h"
#include "engine/search/query.h"
#include "engine/search/scan_choice.h"

namespace vseg {

// Members are searched in the order of their live rows, the most first. A segment that is first is
// asked for its share of the ef rows, as if they were spread at random; how far it had to go for
// them, and the ef-th distance found so far, are a bound for the members that follow. Where that
// makes less than ef rows, one member after the other is asked for more. A member whose batch is
// used up is asked for more when the merge comes to the distance up to which it has been searched.
// Deterministic.
class IndexScan {
 public:
  // `metapage` is only read by the constructor; `pages` must outlive the scan. Reads the headers of
  // all members. Throws CorruptIndexError, as next() does.
  IndexScan(PageSource& pages, const Metapage& metapage, Query query, const ScanOptions& options);
  IndexScan(const IndexScan&) = delete;
  IndexScan& operator=(const IndexScan&) = delete;

  // The next row; false when there is none (or, with kOff, when the first batch is used up).
  bool next(Hit* hit);

  // Rows that kStrictOrder dropped because a farther one had been returned before.
  uint64_t dropped() const { return dropped_; }

  // Of all append chains and runs, at `clock` (append_clock()); nothing before the first row was
  // asked for.
  UnsealedRows unsealed(uint16_t clock) const;

 private:
  struct Member {
    std::unique_ptr<Cursor> cursor;
    std::vector<Candidate> batch;
    size_t position = 0;
    float searched_to = 0;  // what is not in the batch is expected to be at least this far
    bool exhausted = false;

    bool used_up() const { return position == batch.size(); }
    float next_distance() const { return used_up() ? searched_to : batch[position].distance; }
  };

  // The ef nearest distances found so far.
  class NearestDistances {
   public:
    explicit NearestDistances(size_t ef) : ef_(ef) {}

    void add(const std::vector<Candidate>& rows, size_t from);
    float bound() const { return heap_.size() < ef_ ? kNoBound : heap_.front(); }

   private:
    size_t ef_;
    std::vector<float> heap_;  // farthest first
  };

  std::unique_ptr<Cursor> make_cursor(PageSource& pages, const DirectoryEntry& entry, double share);
  bool scans_rows(const SegmentSearch& search) const;
  void first_batches();
  Member* nearest_member();
  Member* nearest();
  void fetch(Member* member, float bound);
  void complete_batches();
  void extend(Member* member, float bound);
  float bound_to_resume(const Member& member) const;

  Query query_;  // the cursors refer to it
  ScanOptions options_;
  std::vector<Member> members_;
  uint32_t first_rows_ = 0;  // of the first member's first batch, where it is a segment
  NearestDistances found_;
  bool started_ = false;
  uint64_t returned_ = 0;
  float last_distance_ = -std::numeric_limits<float>::infinity();
  uint64_t dropped_ = 0;
};

}  // namespace vseg

#endif  // VSEG_ENGINE_SEARCH_INDEX_SCAN_H_
