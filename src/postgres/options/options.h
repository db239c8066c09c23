// What users can set: reloptions of an index and the vseg.* parameters.
#ifndef VSEG_POSTGRES_OPTIONS_OPTIONS_H_
#define VSEG_POSTGRES_OPTIONS_OPTIONS_H_

#include "postgres/boundary/postgres_headers.h"

#include "engine/compaction/merge_planner.h"
#include "engine/search/query.h"

namespace vseg {
namespace pg {

// pg_class.reloptions of a vseg index, parsed.
struct IndexOptions {
  int32 vl_len_;
  int m;                         // 2..100, default 16
  int ef_construction;           // 4..1000, default 100, at least 2 * m
  int merge_factor;              // 2..32, default 2
  double compact_dead_fraction;  // 0.01..1, default 0.2
};

struct GraphSettings {
  int m;
  int ef_construction;
};

// The options of `index`, or the defaults. Raises ERRCODE_INVALID_PARAMETER_VALUE if
// ef_construction is less than 2 * m.
GraphSettings graph_settings(Relation index);

// vseg.ef_search, vseg.iterative_scan, vseg.segment_search
ScanOptions scan_settings();

// vseg.memtable_size in bytes
size_t memtable_limit();

// vseg.tail_seal_rows; 0: never
int tail_seal_rows();

// vseg.tail_slowdown_rows, vseg.tail_stop_rows, as they are set: less than the threshold before
// counts as that one
int tail_slowdown_rows();
int tail_stop_rows();

// The options of `index` about merging, or the defaults; the unit of tiers is vseg.tail_seal_rows.
// For who can build segments of `capacity` rows.
MergePolicy merge_policy(Relation index, uint64_t capacity);

// vseg.tail_idle_time in seconds; 0: searches have nothing sealed
int tail_idle_time();

// vseg.max_workers
int max_workers();

// vseg.launcher_naptime in seconds
int launcher_naptime();

// vseg.reuse_delay in seconds
int reuse_delay();

// vseg.merge_threads
uint32_t merge_threads();

// vseg.fault_point as it was given; empty if not set
const char* fault_point_setting();

// Called once, when the library is loaded.
void define_options();

}  // namespace pg
}  // namespace vseg

// amoptions
extern "C" bytea* vseg_options(Datum reloptions, bool validate);

#endif  // VSEG_POSTGRES_OPTIONS_OPTIONS_H_
