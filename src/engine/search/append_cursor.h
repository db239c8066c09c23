// Searches an append chain: a scan of its codes, then exact comparisons of the rows they leave.
#ifndef VSEG_ENGINE_SEARCH_APPEND_CURSOR_H_
#define VSEG_ENGINE_SEARCH_APPEND_CURSOR_H_

#include <memory>
#include <vector>

#include "engine/format/metapage_format.h"
#include "engine/pages/page_source.h"
#include "engine/quantizer/coded_query.h"
#include "engine/search/cursor.h"
#include "engine/append/append_reader.h"

namespace vseg {

// The first batch reads the whole chain as it is then; rows appended later belong to transactions
// the scan's snapshot does not see.
//
// A row in a group with codes waits with a lower bound of its distance until the bound is the
// least; then its vector is read. A batch ends when its farthest row is nearer than all lower
// bounds left. Rows without codes are compared at once.
//
// Each live row is in one of: bounds_ alone (it waits, beyond what batches have asked for: most
// rows cost no more than their estimates); unread_ (taken up); found_; delivered.
class AppendCursor : public Cursor {
 public:
  AppendCursor(PageSource& pages, const DirectoryEntry& entry, const Query& query);
  bool next_batch(uint32_t wanted, float bound, std::vector<Candidate>* rows) override;
  Tid tid(Ordinal ordinal) override;
  UnsealedRows unsealed(uint16_t clock) const override;

 private:
  void read_chain();
  std::unique_ptr<CodedQuery> coded_query(const EntryPage& page);
  void scan_codes(uint32_t index, const CodedQuery& coded);
  void prefetch_codes_after(uint32_t index, uint32_t group);
  void compare_rows(uint32_t index, uint32_t first_row);
  bool is_live(const EntryPage& page, uint32_t row) const;
  float next_bound(float limit, bool first);
  float bound_of_groups(uint32_t groups);
  void take_up_bounds(float bound);
  void take_up_group(uint32_t index, uint32_t group, float bound);
  void take_up_found();
  float limit(float bound) const;
  void search(float bound);
  bool next_round(float limit, uint32_t rows);
  void prefetch_vector(size_t i);
  void read(Ordinal ordinal, float bound);
  void find(const Candidate& candidate);
  void deliver(float bound, std::vector<Candidate>* rows);

  float* bounds_of(uint32_t index, uint32_t group) {
    return bounds_.data() + ordinal_of(index, group * kAppendGroupRows);
  }
  Ordinal ordinal_of(uint32_t page, uint32_t row) const {
    return page * chain_.layout().capacity + row;
  }
  const EntryPage& page_of(Ordinal ordinal) const {
    return pages_[ordinal / chain_.layout().capacity];
  }
  uint32_t row_of(Ordinal ordinal) const { return ordinal % chain_.layout().capacity; }

  AppendReader chain_;
  const Query& query_;
  uint32_t wanted_ = 0;  // of the batch being searched
  bool started_ = false;
  std::vector<EntryPage> pages_;
  BlockNo centroid_ = kNoBlock;
  float own_distance_ = 0;  // of the query to the centroid
  float margin_ = 0;        // of the codes' lower bounds

  std::vector<float> bounds_;      // lower bounds by ordinal, of rows with codes
  float taken_to_ = -kNoBound;     // rows up to this lower bound have been taken up
  uint32_t taken_ = 0;             // live ones
  bool waiting_ = false;           // there are rows beyond it
  std::vector<Candidate> unread_;  // lower bounds, some of rows read since: heap, nearest first
  std::vector<Candidate> found_;   // distances: heap, nearest first
  std::vector<Candidate> batch_;   // distances of the batch being searched: heap, farthest first
  std::vector<Ordinal> round_;     // rows being read
};

}  // namespace vseg

#endif  // VSEG_ENGINE_SEARCH_APPEND_CURSOR_H_
