// The appendable segment of one backend and one index: rows of the open transaction, in memory.
#ifndef VSEG_ENGINE_MEMTABLE_MEMTABLE_H_
#define VSEG_ENGINE_MEMTABLE_MEMTABLE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "engine/common/types.h"

namespace vseg {

// Rows in the order they came, each belonging to a subtransaction until that aborts (its rows go)
// or commits (they become its parent's).
//
// Subtransactions form a stack: a row belongs to the innermost open one when it is appended, a
// parent appends again only when its child has ended, and numbers grow (one opened later has a
// higher number; PostgreSQL's SubTransactionId). So the rows of a subtransaction are always the
// last ones, and rows that were not superseded are the last ones, too: aborting is cutting off the
// end, committing renames one run.
//
// The index may be rebuilt while rows wait (TRUNCATE, REINDEX, a rewrite of the table): the rows
// appended so far are then superseded, which lasts unless the rebuilding subtransaction aborts.
// Superseded rows are kept only as long as its abort may revive them: those that it would drop,
// too, go at once. The rows that are to be flushed are the others: the live ones.
class Memtable {
 public:
  using Subtransaction = uint32_t;

  // With 0 dimensions rows are addresses alone.
  explicit Memtable(uint32_t dimensions);

  // Copies the row. REQUIRES: `subtransaction` is not lower than that of any row or supersede mark
  // still here (else throws std::logic_error). After std::bad_alloc nothing has changed.
  void append(Tid tid, const float* row, Subtransaction subtransaction);

  // The subtransaction's rows go, and what it superseded is live again. O(rows dropped).
  void abort_subtransaction(Subtransaction subtransaction);

  // Its rows and supersede mark become its parent's. O(1), or O(live rows) where the parent's rows
  // were superseded and go. Takes no memory.
  void commit_subtransaction(Subtransaction subtransaction, Subtransaction parent);

  // The index was rebuilt in that subtransaction: what is here now is superseded. O(rows dropped).
  void supersede(Subtransaction subtransaction);

  // Live rows, in order of arrival; pointers are valid until the next change.
  uint32_t rows() const { return static_cast<uint32_t>(tids_.size() - superseded()); }
  Tid tid(uint32_t i) const { return tids_[superseded() + i]; }
  const float* row(uint32_t i) const { return at(superseded() + i); }

  // Memory of the live rows. What flushing them frees, but for up to a megabyte (or 64 rows) kept
  // for rows to come, which free_spare() frees.
  size_t bytes() const { return size_t{rows()} * (row_bytes() + sizeof(Tid)); }

  // Memory of superseded rows, which no flush frees.
  size_t superseded_bytes() const { return superseded() * (row_bytes() + sizeof(Tid)); }

  // The first `count` live rows have been flushed and go; the others stay live, each with its
  // subtransaction. Superseded ones stay, lest ROLLBACK TO needs them. Takes no memory.
  // REQUIRES: count <= rows(). O(rows that stay live).
  void drop_live(size_t count) noexcept;

  // Frees what is kept for rows to come. Takes no memory.
  void free_spare() noexcept;

  // Everything goes, superseded rows too: the transaction ended.
  void clear();

  // Nothing is here, not even superseded rows.
  bool empty() const { return tids_.empty(); }

  uint32_t dimensions() const { return dimensions_; }

 private:
  // Rows from `first` to the next run's belong to `subtransaction`; numbers ascend.
  struct Run {
    Subtransaction subtransaction;
    size_t first;
  };
  // Rows before `rows` were superseded by `subtransaction`; numbers ascend, `rows` never falls.
  struct Mark {
    Subtransaction subtransaction;
    size_t rows;
  };

  size_t superseded() const { return marks_.empty() ? 0 : marks_.back().rows; }
  size_t row_bytes() const { return size_t{dimensions_} * sizeof(float); }
  float* at(size_t i) const;
  void require_innermost(Subtransaction subtransaction) const;
  void drop_lost() noexcept;
  void erase(size_t begin, size_t end) noexcept;
  void truncate(size_t rows);

  uint32_t dimensions_;
  size_t chunk_rows_;
  std::vector<Tid> tids_;
  std::vector<std::unique_ptr<float[]>> chunks_;  // of chunk_rows_ rows: growing never copies rows
  std::vector<Run> runs_;
  std::vector<Mark> marks_;
};

}  // namespace vseg

#endif  // VSEG_ENGINE_MEMTABLE_MEMTABLE_H_
