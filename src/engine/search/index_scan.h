// A whole search: every member of the directory, merged into one stream of rows.
#ifndef VSEG_ENGINE_SEARCH_INDEX_SCAN_H_
#define VSEG_ENGINE_SEARCH_INDEX_SCAN_H_

#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

#include "engine/format/metapage.h"
#include "engine/pages/page_source.h"
#include "engine/search/cursor.h"
#include "engine/search/query.h"

namespace vseg {

// Members are searched largest first. The first batch passes the ef-th distance found so far on to
// the members that follow, as a bound; batches fetched later have none. A member whose batch is
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

  void first_batches();
  Member* nearest_member();
  Member* nearest();
  void fetch(Member* member, float bound);

  Query query_;  // the cursors refer to it
  ScanOptions options_;
  std::vector<Member> members_;
  bool started_ = false;
  uint64_t returned_ = 0;
  float last_distance_ = -std::numeric_limits<float>::infinity();
  uint64_t dropped_ = 0;
};

}  // namespace vseg

#endif  // VSEG_ENGINE_SEARCH_INDEX_SCAN_H_
