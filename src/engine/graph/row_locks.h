// Locks of rows, as FAISS takes them while it links a graph by several threads.
#ifndef VSEG_ENGINE_GRAPH_ROW_LOCKS_H_
#define VSEG_ENGINE_GRAPH_ROW_LOCKS_H_

#include <cstdint>
#include <vector>

#include <omp.h>

namespace vseg {

// One lock a row, which FAISS takes while it changes the row's lists.
class RowLocks {
 public:
  explicit RowLocks(uint32_t rows) : locks_(rows) {
    for (omp_lock_t& lock : locks_) {
      omp_init_lock(&lock);
    }
  }
  ~RowLocks() {
    for (omp_lock_t& lock : locks_) {
      omp_destroy_lock(&lock);
    }
  }
  RowLocks(const RowLocks&) = delete;
  RowLocks& operator=(const RowLocks&) = delete;

  std::vector<omp_lock_t>& locks() { return locks_; }

  // FAISS leaves its locks taken when memory runs out inside of it. Opening all of them again and
  // again lets the other threads come to an end. Lists may be spoilt by two threads at once, and
  // are thrown away; what they write stays inside the array (see kSpareSlots).
  void open_all() {
    for (omp_lock_t& lock : locks_) {
      omp_unset_lock(&lock);
    }
  }

 private:
  std::vector<omp_lock_t> locks_;
};

// A row's lock, held as FAISS wants it while the row is linked: it lets go of it in between. Where
// memory runs out just then, the lock is opened once more, which RowLocks::open_all does as well.
class RowLock {
 public:
  explicit RowLock(omp_lock_t* lock) : lock_(lock) { omp_set_lock(lock_); }
  ~RowLock() { omp_unset_lock(lock_); }
  RowLock(const RowLock&) = delete;
  RowLock& operator=(const RowLock&) = delete;

 private:
  omp_lock_t* lock_;
};

}  // namespace vseg

#endif  // VSEG_ENGINE_GRAPH_ROW_LOCKS_H_
