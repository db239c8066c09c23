// Threads that share out the rows of a segment, watched by the thread that started them.
#ifndef VSEG_ENGINE_COMMON_WORKER_THREADS_H_
#define VSEG_ENGINE_COMMON_WORKER_THREADS_H_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>

#include "engine/common/build_monitor.h"

namespace vseg {

// Hands out the numbers 0 .. count - 1, each once, in order, until it is told to stop.
class RowQueue {
 public:
  explicit RowQueue(uint32_t count) : count_(count) {}

  // The next number; false when there is none left or the work shall end.
  bool next(uint32_t* row) {
    if (stopped()) {
      return false;
    }
    uint64_t taken = next_.fetch_add(1, std::memory_order_relaxed);
    *row = static_cast<uint32_t>(taken);
    return taken < count_;
  }

  uint32_t taken() const {
    uint64_t taken = next_.load(std::memory_order_relaxed);
    return taken < count_ ? static_cast<uint32_t>(taken) : count_;
  }
  void stop() { stopped_.store(true, std::memory_order_relaxed); }
  bool stopped() const { return stopped_.load(std::memory_order_relaxed); }

 private:
  uint32_t count_;
  std::atomic<uint64_t> next_{0};
  std::atomic<bool> stopped_{false};
};

// What the threads do. `work` runs once in each, takes rows from the queue until there are none and
// may throw. `report` is called in the caller's thread, several times a second and at the end.
// `unblock` is called there again and again once a thread has thrown, until all have ended: it
// frees those that wait for something the thrower held.
struct SharedWork {
  std::function<void(RowQueue&)> work;
  std::function<void(uint32_t rows_taken)> report;
  std::function<void()> unblock;
};

// Runs `shared.work` in `threads` new threads, with all signals blocked, so that none of them ever
// runs a signal handler of the process. The caller's thread works none of the rows: it watches the
// monitor. Returns when all threads have ended; then throws what the first of them threw, or
// CancelledError.
void run_threads(uint32_t rows, uint32_t threads, BuildMonitor& monitor, const SharedWork& shared);

// For long work in the caller's own thread: asks the monitor now and then.
class CancelCheck {
 public:
  explicit CancelCheck(BuildMonitor& monitor) : monitor_(monitor) {}

  // Costs next to nothing; to be called for every row or so. Throws CancelledError.
  void step() {
    if (++steps_ % kStepsPerLook == 0) {
      look();
    }
  }
  void look();

 private:
  static constexpr uint32_t kStepsPerLook = 32;

  BuildMonitor& monitor_;
  uint32_t steps_ = 0;
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

}  // namespace vseg

#endif  // VSEG_ENGINE_COMMON_WORKER_THREADS_H_
