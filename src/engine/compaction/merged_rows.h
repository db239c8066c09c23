// The rows that a merge takes from its inputs, and what became of them meanwhile.
#ifndef VSEG_ENGINE_COMPACTION_MERGED_ROWS_H_
#define VSEG_ENGINE_COMPACTION_MERGED_ROWS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "engine/common/types.h"
#include "engine/compaction/member_rows.h"
#include "engine/format/metapage_format.h"
#include "engine/common/build_monitor.h"
#include "engine/graph/known_lists.h"
#include "engine/pages/page_source.h"
#include "engine/segment/segment_writer.h"

namespace vseg {

// The members a merge replaces. They stay as they are while it runs, but for rows that VACUUM
// marks dead.
struct MergeInputs {
  PageSource& pages;
  std::vector<DirectoryEntry> members;  // flat runs and graph segments
  uint32_t dimensions;
};

// The order in which a graph is built on those of its inputs (see KnownLists): graph segments, the
// one with most live rows first, then flat runs.
void sort_for_merge(std::vector<DirectoryEntry>* members);

// The row map: which rows of each member the merge has taken, a bit a row. The rows taken are
// numbered in the order of members and rows.
class RowMap {
 public:
  explicit RowMap(size_t members) : taken_(members) {}

  void add(size_t member, bool taken) { taken_[member].push_back(taken); }
  bool taken(size_t member, size_t row) const {
    return row < taken_[member].size() && taken_[member][row];
  }

 private:
  std::vector<std::vector<bool>> taken_;
};

// First reading: takes the rows that are alive and notes them in the map, and the lists of graph
// segments, those of dead rows as well. REQUIRES: members are sorted for a merge.
class LiveRows {
 public:
  LiveRows(const MergeInputs& inputs, RowMap* map, KnownLists* known)
      : inputs_(inputs), map_(map), known_(known) {}

  // Moves to the first, then each next live row; false behind the last.
  bool next();
  Tid tid() { return rows_->tid(); }
  const float* vector() { return rows_->vector(); }  // valid until the next call

 private:
  bool next_row();

  const MergeInputs& inputs_;
  RowMap* map_;
  KnownLists* known_;
  size_t member_ = 0;
  std::unique_ptr<MemberRows> rows_;  // of member_; null before its first row
  std::vector<Ordinal> neighbors_;
};

// Second reading: the vectors of the rows taken, in their order. The vectors of the rows before a
// segment's first are those of segments written before.
class TakenVectors final : public ExactVectors {
 public:
  TakenVectors(const MergeInputs& inputs, const RowMap& map) : inputs_(inputs), map_(map) {}

  // Throws CorruptIndexError where the members have fewer rows than before.
  const float* next() override;

 private:
  const MergeInputs& inputs_;
  const RowMap& map_;
  size_t member_ = 0;
  size_t row_ = 0;
  std::unique_ptr<MemberRows> rows_;
};

// Last reading: numbers of the rows taken that are dead by now, ascending. Throws CancelledError if
// the monitor says so.
std::vector<uint64_t> died_since(const MergeInputs& inputs, const RowMap& map,
                                 BuildMonitor& monitor);

}  // namespace vseg

#endif  // VSEG_ENGINE_COMPACTION_MERGED_ROWS_H_
