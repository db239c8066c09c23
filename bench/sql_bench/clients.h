// Clients beside the benchmark's own session: loaders, searchers, samplers, each with a thread and
// a connection.
#pragma once

#include <atomic>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "bench.h"
#include "searcher.h"
#include "series.h"

namespace vseg_bench {

// A connection with the settings that all benchmarks use.
std::unique_ptr<Session> OpenSession();

// Runs work(stop) in a thread until it returns, which it does soon once stop is true.
class Background {
 public:
  explicit Background(std::function<void(const std::atomic<bool>&)> work);
  ~Background();
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;

  // Ends the work, or waits for its end; throws what it has thrown.
  void Stop();
  void Wait();

 private:
  std::atomic<bool> stop_{false};
  std::exception_ptr error_;
  std::thread thread_;
};

// Rows without end: those of the data from a first one on, and when all were taken the same ones
// mirrored in random coordinates, other ones each time, which gives new rows with all distances
// among each other as they were. May be used by several threads.
class RowStream {
 public:
  RowStream(const Matrix<float>& base, size_t first) : base_(base), next_(first) {}

  size_t Taken() const { return next_; }
  // The next rows. As many as asked for, but never more than the data has.
  Matrix<float> Take(size_t rows);

 private:
  const Matrix<float>& base_;
  std::atomic<size_t> next_;
};

// When the samples of a thread are taken.
struct Pace {
  double start;  // Now() at the beginning of the run, from which times count
  double pause;  // seconds between two samples; 0: as fast as they are answered
};

// Searches one query after the other by a prepared statement.
class SearchLoop {
 public:
  SearchLoop(Bench* bench, const IndexKind& kind, const std::string& table, Pace pace);

  // Milliseconds of each search, at its end. Throws what the searches have thrown.
  const std::vector<Sample>& Stop();

 private:
  std::vector<Sample> samples_;
  Background background_;  // last: it fills what is above
};

// Reads the state of a vseg index again and again.
class StateLoop {
 public:
  StateLoop(const std::string& table, Pace pace);

  // Throws what the reading has thrown.
  void Stop() { background_.Stop(); }
  // After Stop().
  const std::vector<Sample>& Tail() const { return tail_; }          // rows
  const std::vector<Sample>& Segments() const { return segments_; }  // graph segments
  double LongestTail(double from, double to) const;

 private:
  std::vector<Sample> tail_;
  std::vector<Sample> segments_;
  Background background_;  // last: it fills what is above
};

// Calls step(n, due) for n = 0, 1, ... at so many a second for so many seconds, late where a step
// takes longer than its turn; `due` is when it should have begun.
struct Schedule {
  double per_second;
  double seconds;
};
void RunPaced(Schedule schedule, const std::function<void(size_t n, double due)>& step);

// Runs client(session, number) in as many threads, each with a connection; returns the wall clock
// from when all are connected to when the last one has ended, and the CPU time of their backends.
struct ClientsTime {
  double seconds;
  double backend_cpu;
};
ClientsTime RunClients(size_t clients, const std::function<void(Session*, size_t)>& client);

// Part `number` of `parts` of a range.
RowRange Part(RowRange range, size_t number, size_t parts);

// "0.52 / 1.34": median and 99th percentile.
std::string MedianAndP99(const std::vector<double>& values, int digits);

}  // namespace vseg_bench
