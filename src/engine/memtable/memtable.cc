#include "engine/memtable/memtable.h"

#include <algorithm>
#include <stdexcept>

#include "engine/common/engine_only.h"

namespace vseg {
namespace {

// Large enough that malloc's overhead does not count, small enough that a transaction of one row
// costs little: beside what else it needs, 64 kB were taken from the system and given back each
// time, which took a tenth of a commit.
constexpr size_t kChunkBytes = 16 * 1024;

// Kept when rows go, for those that come next: a bulk load flushes about so many at a time.
constexpr size_t kSpareChunks = 64;

}  // namespace

Memtable::Memtable(uint32_t dimensions)
    : dimensions_(dimensions),
      chunk_rows_(std::max<size_t>(kChunkBytes / (std::max(dimensions, 1U) * sizeof(float)), 1)) {}

float* Memtable::at(size_t i) const {
  return chunks_[i / chunk_rows_].get() + i % chunk_rows_ * dimensions_;
}

void Memtable::require_innermost(Subtransaction subtransaction) const {
  if ((!runs_.empty() && runs_.back().subtransaction > subtransaction) ||
      (!marks_.empty() && marks_.back().subtransaction > subtransaction)) {
    throw std::logic_error("a subtransaction changed the memtable while its child was open");
  }
}

void Memtable::append(Tid tid, const float* row, Subtransaction subtransaction) {
  require_innermost(subtransaction);
  // Whatever can fail comes first.
  if (tids_.size() == chunks_.size() * chunk_rows_) {
    // Not make_unique, which would fill it with zeros.
    chunks_.push_back(std::unique_ptr<float[]>(new float[chunk_rows_ * dimensions_]));
  }
  tids_.push_back(tid);
  if (runs_.empty() || runs_.back().subtransaction != subtransaction) {
    try {
      runs_.push_back({subtransaction, tids_.size() - 1});
    } catch (...) {
      tids_.pop_back();
      throw;
    }
  }
  std::copy_n(row, dimensions_, at(tids_.size() - 1));
}

void Memtable::abort_subtransaction(Subtransaction subtransaction) {
  while (!marks_.empty() && marks_.back().subtransaction >= subtransaction) {
    marks_.pop_back();
  }
  size_t rows = tids_.size();
  while (!runs_.empty() && runs_.back().subtransaction >= subtransaction) {
    rows = runs_.back().first;
    runs_.pop_back();
  }
  truncate(rows);
}

void Memtable::commit_subtransaction(Subtransaction subtransaction, Subtransaction parent) {
  if (!runs_.empty() && runs_.back().subtransaction == subtransaction) {
    runs_.back().subtransaction = parent;
    if (runs_.size() > 1 && runs_[runs_.size() - 2].subtransaction == parent) {
      runs_.pop_back();
    }
  }
  if (!marks_.empty() && marks_.back().subtransaction == subtransaction) {
    Mark mark{parent, marks_.back().rows};
    if (marks_.size() > 1 && marks_[marks_.size() - 2].subtransaction == parent) {
      marks_.pop_back();
    }
    marks_.back() = mark;
    drop_lost();
  }
}

void Memtable::supersede(Subtransaction subtransaction) {
  require_innermost(subtransaction);
  if (!marks_.empty() && marks_.back().subtransaction == subtransaction) {
    marks_.back().rows = tids_.size();
  } else if (!tids_.empty()) {
    marks_.push_back({subtransaction, tids_.size()});
  } else {
    return;
  }
  drop_lost();
}

// Rows that the last mark covers and that belong to its own subtransaction: if that aborts, they go
// with it, so they can never be live again. They are the last that it covers, since rows before
// them belong to subtransactions further out.
void Memtable::drop_lost() noexcept {
  const Mark mark = marks_.back();
  size_t begin = mark.rows;
  for (auto run = runs_.rbegin(); run != runs_.rend(); ++run) {
    if (run->subtransaction < mark.subtransaction) {
      break;
    }
    begin = std::min(begin, run->first);
  }
  marks_.back().rows = begin;
  const size_t covered = marks_.size() > 1 ? marks_[marks_.size() - 2].rows : 0;
  if (begin == covered) {
    marks_.pop_back();
  }
  erase(begin, mark.rows);
}

void Memtable::drop_live(size_t count) noexcept { erase(superseded(), superseded() + count); }

// Moves the rows behind; marks are the caller's.
void Memtable::erase(size_t begin, size_t end) noexcept {
  if (begin == end) {
    return;
  }
  const size_t count = end - begin, rows = tids_.size() - count;
  for (size_t i = end; i < tids_.size(); i++) {
    tids_[i - count] = tids_[i];
    std::copy_n(at(i), dimensions_, at(i - count));
  }
  for (Run& run : runs_) {
    if (run.first > begin) {
      run.first = std::max(run.first, end) - count;
    }
  }
  // A run whose rows are all gone begins where the next one does, or where the rows end.
  const auto last = std::unique(runs_.rbegin(), runs_.rend(),
                                [](const Run& a, const Run& b) { return a.first == b.first; });
  runs_.erase(runs_.begin(), last.base());
  if (!runs_.empty() && runs_.back().first == rows) {
    runs_.pop_back();
  }
  truncate(rows);
}

void Memtable::clear() {
  marks_.clear();
  runs_.clear();
  truncate(0);
}

// Cuts the rows, not the runs. Frees chunks, but for some that the next rows would need again.
void Memtable::truncate(size_t rows) {
  tids_.resize(rows);
  const size_t kept = rows / chunk_rows_ + kSpareChunks;
  if (chunks_.size() > kept) {
    chunks_.resize(kept);
  }
  if (rows == 0) {
    tids_.shrink_to_fit();
  }
}

void Memtable::free_spare() noexcept {
  const size_t needed = (tids_.size() + chunk_rows_ - 1) / chunk_rows_;
  if (chunks_.size() > needed) {
    chunks_.resize(needed);
  }
}

}  // namespace vseg
