// Walks a graph segment: best-first search that can be resumed until every row has been delivered.
#ifndef VSEG_ENGINE_SEARCH_SEGMENT_CURSOR_H_
#define VSEG_ENGINE_SEARCH_SEGMENT_CURSOR_H_

#include <vector>

#include "engine/search/cursor.h"
#include "engine/search/frontier.h"
#include "engine/search/visited_set.h"
#include "engine/segment/segment_reader.h"
#include "engine/segment/tombstones.h"

namespace vseg {

// The search of HNSW's layer 0 (Malkov and Yashunin 2016, algorithm 2) from all entry points, kept
// between batches. A batch ends when its live rows are all nearer than the whole frontier; the
// frontier is what has been seen and not expanded (its neighbours not yet looked at). Dead rows are
// never found.
//
// Where node blocks have codes, dead rows are passed over unread: live rows have enough neighbours
// to find their way around a few. In a hole, where two thirds of the rows met are dead, the walk
// goes on from the nearest live entry points of all; it walks through dead rows only where there
// are no others.
//
// Under a bound the walk also ends once the frontier is farther than the bound, but not before it
// has come near the query: entry points are farther away than any bound.
//
// Where node blocks have codes of their neighbours, only expanded rows are read and compared: the
// frontier's distances are estimates, and one that was bad is corrected when another neighbour
// leads to the same row. Without codes every neighbour is read when it is seen. Later batches
// expand some rows, the nearest, and only compare the others that seem near: their neighbours are
// mostly farther than what is asked for.
//
// Where the next batch would take longer than comparing all rows that are left, these are compared,
// and there is no more walk.
//
// Copies of a row that was found are set aside: they tell the walk nothing, and would take the
// places of rows that lead on. So are near copies: neighbours much nearer to the row than the query
// is. Those nearer than the batch's farthest come in at its end, nearest first. Among rows so near
// that the rounding of the query's tables hides their differences, neighbours are compared exactly.
//
// Each row seen is in frontier_, copies_ or postponed_ (not expanded), or expanded. And if it is
// live, in one of: batch_; found_, spilled_ or expanded_copies_ (waiting for a later batch);
// frontier_ or copies_ alone; delivered. With rest_compared_ all of these but batch_, found_ and
// spilled_ are empty.
class SegmentCursor : public Cursor {
 public:
  // `ef`: what the first batch is asked for, about. `share`: of the live rows of all members, those
  // of this one. kGraph: walks as long as there is something to walk to.
  SegmentCursor(PageSource& pages, const DirectoryEntry& entry, const Query& query, uint32_t ef,
                double share = 1, SegmentSearchMode mode = SegmentSearchMode::kAuto);
  SegmentCursor(const SegmentCursor&) = delete;
  SegmentCursor& operator=(const SegmentCursor&) = delete;

  bool next_batch(uint32_t wanted, float bound, std::vector<Candidate>* rows) override;
  Tid tid(Ordinal ordinal) override { return segment_.tid(ordinal); }

 private:
  void begin_first_batch(uint32_t wanted, float bound);
  void begin_later_batch(uint32_t wanted, float bound);
  bool has_rows_left() const;
  bool rather_compares_rest(uint32_t wanted, float bound) const;
  bool rather_compares_all_around_hole() const;
  void compare_rest();
  void take_up_deferred();
  void take_up_found();
  void walk();
  bool is_lost_in_hole() const;
  bool needs_deferred();
  void enter();
  void enter_at(uint32_t block);
  bool enter_elsewhere();
  void see_all(float from, std::vector<Ordinal>* ordinals);
  void see(float from, Ordinal ordinal);
  bool sees_copies(const NodeView& node, float distance);
  void set_copies_aside();
  bool is_copy(size_t neighbor) const;
  void compare_blurred();
  bool is_found(float distance) const;
  bool take_up_copy();
  bool all_seen() const { return frontier_.all_seen() && copies_.empty(); }
  void read(Ordinal ordinal);
  void estimate(const NodeView& node, float distance);
  void prefetch_nearest();
  void find(const Candidate& candidate);
  void lower_limit();
  float reach() const;  // what is farther does not belong to the batch
  void expand_nearest();
  void compare_nearest();
  void compare_exactly();
  void deliver(std::vector<Candidate>* rows);

  SegmentReader segment_;
  Tombstones tombstones_;
  const Query& query_;
  uint32_t live_rows_;                 // as the directory says
  uint32_t bounded_ef_;                // live rows found before a bound may end the walk
  VisitedSet visited_;                 // rows whose exact distance is known
  VisitedSet compared_{0};             // rows compared and not expanded, or expanded later
  const CodedQuery* coded_ = nullptr;  // null: the segment has no codes
  uint32_t padded_ = 0;                // dimensions of codes
  float factor_per_length_ = 0;        // of an edge, about
  float query_length_ = 0;             // of inner products
  float blur_ = 0;                     // edges with factors below it are shorter than codes tell
  float blurred_within_ = 0;           // they matter only to a query as near as this
  Frontier frontier_;
  std::vector<Candidate> copies_;           // of rows found, not expanded; heap, nearest first
  std::vector<Candidate> expanded_copies_;  // likewise, but expanded
  std::vector<Candidate> found_;            // heap, nearest first
  std::vector<Candidate> spilled_;
  std::vector<uint32_t> entered_;  // entry blocks of the last level, whose rows were seen
  const bool only_walks_;
  bool started_ = false;
  bool came_near_ = false;  // the first batch has
  bool rest_compared_ = false;
  uint32_t delivered_ = 0;

  // Of the batch being searched.
  uint32_t wanted_ = 0;      // rows to be delivered
  uint32_t kept_ = 0;        // rows it must have found: more, where estimates are rough
  uint32_t expansions_ = 0;  // rows that may still be expanded
  float bound_ = kNoBound;
  std::vector<Candidate> batch_;      // heap, farthest first; at most kept_
  std::vector<float> nearest_;        // heap, farthest first; the bounded_ef_ nearest of batch_
  std::vector<Ordinal> neighbors_;    // of the row being expanded,
  std::vector<float> estimates_;      // their distances, by their codes,
  std::vector<float> factors_;        // the factors of these, by the edges' lengths,
  float near_ = 0;                    // up to which they are its copies,
  float spread_ = 0;                  // and by how much their distances may differ from its own
  std::vector<Candidate> postponed_;  // compared in this batch: to be expanded in a later one
};

}  // namespace vseg

#endif  // VSEG_ENGINE_SEARCH_SEGMENT_CURSOR_H_
