#include "engine/common/worker_threads.h"

#include <condition_variable>
#include <csignal>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "engine/common/errors.h"

#include "engine/common/engine_only.h"

namespace vseg {
namespace {

constexpr std::chrono::milliseconds kPollInterval(50);

// A new thread starts with the signal mask of its creator.
class AllSignalsBlocked {
 public:
  AllSignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~AllSignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  AllSignalsBlocked(const AllSignalsBlocked&) = delete;
  AllSignalsBlocked& operator=(const AllSignalsBlocked&) = delete;

 private:
  sigset_t before_;
};

class WorkerThreads {
 public:
  WorkerThreads(uint32_t rows, const SharedWork& shared) : queue_(rows), shared_(shared) {}
  WorkerThreads(const WorkerThreads&) = delete;
  WorkerThreads& operator=(const WorkerThreads&) = delete;

  ~WorkerThreads() {
    queue_.stop();
    while (!wait_for_end()) {
      unblock_after_failure();
    }
    for (std::thread& thread : threads_) {
      thread.join();
    }
  }

  void start(uint32_t threads) {
    AllSignalsBlocked blocked;
    threads_.reserve(threads);
    for (uint32_t i = 0; i < threads; ++i) {
      {
        std::lock_guard<std::mutex> lock(mutex_);
        ++running_;
      }
      try {
        threads_.emplace_back([this] { run(); });
      } catch (...) {
        std::lock_guard<std::mutex> lock(mutex_);
        --running_;
        throw;
      }
    }
  }

  // Until the work has ended; throws what ended it early.
  void watch(BuildMonitor& monitor) {
    bool ended = false;
    while (!ended) {
      ended = wait_for_end();
      if (shared_.report) {
        shared_.report(queue_.taken());
      }
      if (!queue_.stopped() && monitor.cancelled()) {
        queue_.stop();
        cancelled_ = true;
      }
      unblock_after_failure();
    }
    if (failure_) {
      std::rethrow_exception(failure_);
    }
    if (cancelled_) {
      throw CancelledError();
    }
  }

 private:
  void run() {
    std::exception_ptr failure;
    try {
      shared_.work(queue_);
    } catch (...) {
      failure = std::current_exception();
    }
    std::lock_guard<std::mutex> lock(mutex_);
    if (failure) {
      queue_.stop();
      if (!failure_) {
        failure_ = failure;
      }
    }
    if (--running_ == 0) {
      ended_.notify_one();
    }
  }

  bool wait_for_end() {
    std::unique_lock<std::mutex> lock(mutex_);
    return ended_.wait_for(lock, kPollInterval, [this] { return running_ == 0; });
  }

  void unblock_after_failure() {
    bool failed;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      failed = failure_ != nullptr && running_ > 0;
    }
    if (failed && shared_.unblock) {
      shared_.unblock();
    }
  }

  RowQueue queue_;
  const SharedWork& shared_;
  std::vector<std::thread> threads_;
  std::mutex mutex_;  // guards the three below
  std::condition_variable ended_;
  uint32_t running_ = 0;
  std::exception_ptr failure_;  // of the thread that failed first
  bool cancelled_ = false;
};

}  // namespace

void run_threads(uint32_t rows, uint32_t threads, BuildMonitor& monitor, const SharedWork& shared) {
  WorkerThreads workers(rows, shared);
  workers.start(threads);
  workers.watch(monitor);
}

void CancelCheck::look() {
  auto now = std::chrono::steady_clock::now();
  if (now - last_ < kPollInterval) {
    return;
  }
  last_ = now;
  if (monitor_.cancelled()) {
    throw CancelledError();
  }
}

}  // namespace vseg
