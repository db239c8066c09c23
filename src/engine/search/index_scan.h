// A whole search: every member of the directory, merged into one stream of rows.
#ifndef VSEG_ENGINE_SEARCH_INDEX_SCAN_H_
#define VSEG_ENGINE_SEARCH_INDEX_SCAN_H_

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

#include "engine/format/metapage_format.h"
#include "engine/pages/page_source.h"
#include "engine/search/cursor.h"
#include "engine/search/query.h"
#include "engine/search/scan_choice.h"
#include "engine/search/unranked_rows.h"

namespace vseg {

// Members are searched in the order of their live rows, the most first. A segment that is first is
// asked for its share of the ef rows, as if they were spread at random; how far it had to go for
// them, and the ef-th distance found so far, are a bound for the members that follow. Where that
// makes less than ef rows, one member after the other is asked for more.
//
// Of what a search for some rows finds, the nearest are right and the farthest less so: these are
// held back until a search for more has confirmed them (kStrictOrder). So a scan that is asked for
// more goes on in rounds. A nearer row that a round finds too late is returned at once. When every
// member is exhausted, all live rows have been returned, each once; unranked ones follow.
// Deterministic.
class IndexScan {
 public:
  // `metapage` is only read by the constructor; `pages` must outlive the scan. Reads the headers of
  // all members. Throws CorruptIndexError, as next() does.
  IndexScan(PageSource& pages, const Metapage& metapage, Query query, const ScanOptions& options);
  IndexScan(const IndexScan&) = delete;
  IndexScan& operator=(const IndexScan&) = delete;

  // The next row; false when there is none (or, with kOff, when ef rows have been returned).
  bool next(Hit* hit);

  // With kStrictOrder, rows returned after a farther one.
  uint64_t late() const { return late_; }

  // Of all append chains and runs, at `clock` (append_clock()); nothing before the first row was
  // asked for.
  UnsealedRows unsealed(uint16_t clock) const;

 private:
  struct Member {
    std::unique_ptr<Cursor> cursor;
    double share = 0;               // of all live rows
    std::vector<Candidate> rows;    // found, in ascending distance
    size_t position = 0;            // of those, how many have been returned
    float searched_to = -kNoBound;  // what is not found is expected to be at least this far
    bool exhausted = false;

    bool has_row() const { return position < rows.size(); }
    float next_distance() const { return rows[position].distance; }  // REQUIRES: has_row()
  };

  // The nearest distances found and not returned, as many as are looked for.
  class NearestDistances {
   public:
    explicit NearestDistances(size_t count) : count_(count) {}

    void add(const std::vector<Candidate>& rows, size_t from);
    // The farthest of them, once there are so many.
    float bound() const { return heap_.size() < count_ ? kNoBound : heap_.front(); }
    size_t missing() const { return count_ - heap_.size(); }

   private:
    size_t count_;
    std::vector<float> heap_;  // farthest first
  };

  std::unique_ptr<Cursor> make_cursor(PageSource& pages, const DirectoryEntry& entry, double share);
  bool scans_rows(const SegmentSearch& search) const;
  bool next_unranked(Hit* hit);
  bool next_round();
  void search_round();
  void search(Member* member, uint32_t wanted, float bound);
  Member* next_member();
  Member* member_of_nearest_row();
  Member* least_searched();
  float farthest_reach() const;

  Query query_;  // the cursors refer to it
  ScanOptions options_;
  std::vector<Member> members_;
  UnrankedRows unranked_;
  NearestDistances found_;
  uint64_t searched_for_;    // rows, in the rounds so far
  uint64_t returnable_ = 0;  // of those, before the next round
  bool started_ = false;
  uint64_t returned_ = 0;
  float last_distance_ = -std::numeric_limits<float>::infinity();
  uint64_t late_ = 0;
};

}  // namespace vseg

#endif  // VSEG_ENGINE_SEARCH_INDEX_SCAN_H_
