// The tail of an index: append chains and flat runs, whose rows have no graph yet.
#ifndef VSEG_POSTGRES_MERGE_TAIL_H_
#define VSEG_POSTGRES_MERGE_TAIL_H_

#include "postgres/boundary/postgres_headers.h"

#include "engine/compaction/back_pressure.h"
#include "engine/format/append_format.h"
#include "postgres/boundary/progress_monitor.h"
#include "postgres/merge/merge_job.h"

namespace vseg {
namespace pg {

struct Tail {
  UnsealedRows unsealed;
  uint32_t runs;
  bool has_room;  // the directory takes what sealing a run makes
};

// The settings by which this session, or whoever started this worker, has tails sealed.
TailLimits tail_limits();

// Rows of one index that a transaction may have in memory before it writes them, whatever their
// size: what it has there when the tail gets too long is written all the same.
size_t most_rows_in_memory();

// A backend appends so many rows before it looks at the tail again, so that 64 backends together
// can but double the slowdown threshold unseen. A look reads two pages a chain or run.
uint64_t unwatched_rows();

// What 16 writers may have in memory, and have appended since they looked.
uint64_t rows_on_the_way();

// Reads the header and the last entry page of each chain and run: to be called by who has a
// transaction ID or a snapshot, or holds PUBLISH or SEAL, so that their space is not reused.
Tail look_at_tail(Relation index);

// Whether another backend could see the index, and work on it.
bool can_be_maintained(Relation index);

// Rows of the run that is sealed next, or of the first chain, if there is no run.
uint64_t rows_of_oldest_run(Relation index);

// Makes segments of runs, of the oldest first, with `rows` rows in all, but at least one; chains
// become runs where these have fewer. A run that memory does not hold becomes several segments, but
// no more than a few: the job takes more memory than it was given, if it must. False if there is
// nothing to seal. Throws as MergeJob does.
// REQUIRES: SEAL.
struct SealWork {
  JobResources resources;
  uint64_t rows;
};
constexpr uint64_t kAllRows = UINT64_MAX;
bool seal_tail(Relation index, ProgressMonitor& monitor, const SealWork& work);

// What is due to be merged, of no more than `most` rows, by the directory; or, where nothing limits
// the rows, the last segment of a file that is mostly free, to be written where it ends earlier;
// or, where the directory is so full that inserters list nothing any more, makes room: then the job
// takes more memory than it was given, if it must. Where nothing limits the rows, that is for the
// two smallest of the 48 segments or so that there are: for a 24th of all rows at most.
MergeGroup due_merge(Relation index, MergeJob* job, uint64_t most);

// A merge of no more rows is small: who has a merge to do where another is at work, or in a
// worker's stead, does none that is larger.
uint64_t small_merge_rows();

// The two smallest segments, for who needs room in the directory and has no time for more; empty as
// above, or where they do not fit into memory.
MergeGroup merge_for_room(Relation index, MergeJob* job);

// What a background worker, or an inserter in its stead, may use.
JobResources worker_resources();

}  // namespace pg
}  // namespace vseg

#endif  // VSEG_POSTGRES_MERGE_TAIL_H_
