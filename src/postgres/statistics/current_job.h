// What this backend's job, a seal or a merge, has done so far: counted at its end, however it ends.
#ifndef VSEG_POSTGRES_STATISTICS_CURRENT_JOB_H_
#define VSEG_POSTGRES_STATISTICS_CURRENT_JOB_H_

#include "postgres/statistics/index_statistics.h"

namespace vseg {
namespace pg {

// Forgets what an earlier job has left behind. None but end_job and abandon_job raises errors.
void begin_job(WorkCause cause);

// A segment of so many vectors has been written, which took so many distances.
void add_to_job(uint64_t rows, uint64_t distances);

// The job is done: adds it to the index's counters.
void end_job(Relation index);

// The job has ended early: adds its part, if one is under way, and the failure, null where it has
// merely given way, under the cause of the last job begun.
void abandon_job(Relation index, const JobFailure* failure);

}  // namespace pg
}  // namespace vseg

#endif  // VSEG_POSTGRES_STATISTICS_CURRENT_JOB_H_
