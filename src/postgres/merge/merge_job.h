// Turning members of an index's directory into graph segments while the index is in use.
#ifndef VSEG_POSTGRES_MERGE_MERGE_JOB_H_
#define VSEG_POSTGRES_MERGE_MERGE_JOB_H_

#include <cstdint>
#include <vector>

#include "engine/compaction/merge_planner.h"
#include "engine/format/metapage_format.h"
#include "engine/segment/segment_builder.h"
#include "postgres/boundary/progress_monitor.h"
#include "postgres/directory/metapage.h"

namespace vseg {
namespace pg {

// What a job may use.
struct JobResources {
  uint32_t threads;
  size_t memory;  // bytes
};

// One backend's work on one index. All functions throw PgError on interrupts and errors, and
// CancelledError when the monitor gives way; whatever happens, the index is as it was before a step
// or as it is after.
//
// They hold no snapshot and no transaction ID, and no lock but the one on the index and the job
// locks, which the caller takes: SEAL for runs, MERGE or MERGE_SMALL for segments. Two jobs that
// replace segments keep apart by their claims on members.
class MergeJob {
 public:
  MergeJob(Relation index, const JobResources& resources, ProgressMonitor& monitor);

  // Takes a job lock; `wait` false: only if it is free, else returns false.
  bool lock(IndexLock lock, bool wait);

  // Makes the append chains flat runs, unless there is nothing in them or no room for another
  // member, or closed runs have `enough` rows already, and then all runs closed for inserters.
  // REQUIRES: SEAL.
  void freeze_tail(uint64_t enough = UINT64_MAX);

  // The flat runs that are closed, whose rows are counted on their pages. Inserters may have listed
  // others since. REQUIRES: SEAL.
  std::vector<PlannedMember> runs();

  // The graph segments that no other job is replacing.
  std::vector<PlannedMember> segments();

  // Rows that one segment may have, for the memory there is.
  uint64_t capacity() const { return SegmentBuilder::capacity(options_); }

  // Lets the job use more memory, if a segment of so many rows needs more. The server's log says so
  // when it comes to that.
  void take_memory_for(uint64_t rows);

  // Replaces these members by segments of their live rows, unless another job has taken one of them
  // since it was planned. REQUIRES: SEAL if there are runs among them, MERGE or MERGE_SMALL if
  // there are segments.
  void merge(const MergeGroup& group);

 private:
  bool claim(const MergeGroup& group);
  void replace(const MergeGroup& group);
  void release(const MergeGroup& group);

  Relation index_;
  ProgressMonitor& monitor_;
  SegmentBuilderOptions options_;
  size_t given_memory_;
};

}  // namespace pg
}  // namespace vseg

#endif  // VSEG_POSTGRES_MERGE_MERGE_JOB_H_
