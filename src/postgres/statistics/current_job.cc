#include "postgres/statistics/current_job.h"

namespace vseg {
namespace pg {
namespace {

struct Job {
  bool running;
  WorkCause cause;
  WorkStart start;
  uint64_t rows;
  uint64_t distances;
};

// Plain memory, so that an error leaves it as it is for who handles the error.
Job job{};

WorkCounts finish() {
  WorkCounts work{};
  if (job.running) {
    work = work_since(job.start);
    work.rows = job.rows;
    work.distances = job.distances;
  }
  job.running = false;
  return work;
}

}  // namespace

void begin_job(WorkCause cause) { job = {true, cause, start_work(), 0, 0}; }

void add_to_job(uint64_t rows, uint64_t distances) {
  job.rows += rows;
  job.distances += distances;
}

void end_job(Relation index) { count_work(index, job.cause, finish()); }

void abandon_job(Relation index, const JobFailure* failure) {
  count_part(index, job.cause, finish(), failure);
}

}  // namespace pg
}  // namespace vseg
