#include "postgres/options/options.h"

#include <climits>
#include <cstddef>
#include <cstdlib>

#include "postgres/boundary/fault_point.h"

namespace vseg {
namespace pg {
namespace {

constexpr int kDefaultM = 16;
constexpr int kDefaultEfConstruction = 100;
constexpr int kDefaultMergeFactor = 2;
constexpr double kDefaultDeadFraction = 0.2;
constexpr int kDefaultSealRows = 10000;
constexpr int kDefaultSlowdownRows = 100000;
constexpr int kDefaultStopRows = 400000;
constexpr int kDefaultIdleTime = 60;
constexpr int kDefaultMaxWorkers = 3;
constexpr int kDefaultReuseDelay = 60;

// Pages tell ages modulo 18 hours.
constexpr int kMostIdleTime = 3600;

relopt_kind index_options_kind;

int ef_search = 40;
int memtable_kilobytes = 64 * 1024;
char* fault_point_name = nullptr;
int seal_rows = kDefaultSealRows;
int slowdown_rows = kDefaultSlowdownRows;
int stop_rows = kDefaultStopRows;
int idle_time = kDefaultIdleTime;
int worker_threads = 1;
int most_workers = kDefaultMaxWorkers;
int naptime = 60;
int seconds_before_reuse = kDefaultReuseDelay;
int iterative_scan = static_cast<int>(IterativeScan::kStrictOrder);
int segment_search = static_cast<int>(SegmentSearchMode::kAuto);

const config_enum_entry kIterativeScanModes[] = {
    {"off", static_cast<int>(IterativeScan::kOff), false},
    {"relaxed_order", static_cast<int>(IterativeScan::kRelaxedOrder), false},
    {"strict_order", static_cast<int>(IterativeScan::kStrictOrder), false},
    {nullptr, 0, false},
};

const config_enum_entry kSegmentSearchModes[] = {
    {"auto", static_cast<int>(SegmentSearchMode::kAuto), false},
    {"graph", static_cast<int>(SegmentSearchMode::kGraph), false},
    {"rows", static_cast<int>(SegmentSearchMode::kRows), false},
    {nullptr, 0, false},
};

void define_reloptions() {
  index_options_kind = add_reloption_kind();
  add_int_reloption(index_options_kind, "m",
                    "Neighbours of a node in the upper layers of the graph; layer 0 has twice as "
                    "many, rounded up to 16.",
                    kDefaultM, 2, 100, AccessExclusiveLock);
  add_int_reloption(index_options_kind, "ef_construction",
                    "Candidates kept while a row looks for its neighbours.", kDefaultEfConstruction,
                    4, 1000, AccessExclusiveLock);
  add_int_reloption(index_options_kind, "merge_factor",
                    "Segments of about one size that background workers merge into one.",
                    kDefaultMergeFactor, 2, 32, ShareUpdateExclusiveLock);
  add_real_reloption(index_options_kind, "compact_dead_fraction",
                     "Share of dead rows at which background workers write a segment anew.",
                     kDefaultDeadFraction, 0.01, 1, ShareUpdateExclusiveLock);
}

bool check_fault_point(char** setting, void** extra, GucSource /*source*/) {
  if (**setting == '\0') {
    return true;
  }
  // PostgreSQL frees it.
  auto* order = static_cast<FaultOrder*>(malloc(sizeof(FaultOrder)));
  if (order == nullptr) {
    GUC_check_errcode(ERRCODE_OUT_OF_MEMORY);
    return false;
  }
  *extra = order;
  if (!parse_fault_order(*setting, order)) {
    GUC_check_errdetail(
        "It is a name, alone or followed by one of :wait, :error, :out_of_memory, "
        ":disk_full, :panic and :kill.");
    return false;
  }
  return true;
}

void assign_fault_point(const char* /*setting*/, void* extra) {
  fault_order = static_cast<const FaultOrder*>(extra);
}

void define_session_parameters() {
  DefineCustomIntVariable(
      "vseg.ef_search", "Rows a search of a segment keeps while it looks for the nearest.",
      "More find more of the true nearest rows and take longer. Range 1 to 10000.", &ef_search, 40,
      1, 10000, PGC_USERSET, GUC_EXPLAIN, nullptr, nullptr, nullptr);
  DefineCustomIntVariable(
      "vseg.memtable_size", "Memory for rows inserted by a transaction and not yet written.",
      "Per backend, all its vseg indexes together. Beyond it rows are written before commit.",
      &memtable_kilobytes, 64 * 1024, 64, MAX_KILOBYTES, PGC_USERSET, GUC_UNIT_KB, nullptr, nullptr,
      nullptr);
  DefineCustomEnumVariable(
      "vseg.iterative_scan", "What a scan does when more rows are asked of it.",
      "off: it ends after the first vseg.ef_search rows. strict_order: it goes on, and holds rows "
      "back until a search for more has confirmed them. relaxed_order: it goes on and returns rows "
      "as they are found.",
      &iterative_scan, static_cast<int>(IterativeScan::kStrictOrder), kIterativeScanModes,
      PGC_USERSET, GUC_EXPLAIN, nullptr, nullptr, nullptr);
  DefineCustomEnumVariable("vseg.segment_search", "How a scan searches a graph segment.",
                           "auto: as is expected to take less time. graph: by its graph. rows: by "
                           "comparing all its live "
                           "rows. For tests and measurements.",
                           &segment_search, static_cast<int>(SegmentSearchMode::kAuto),
                           kSegmentSearchModes, PGC_USERSET, GUC_EXPLAIN | GUC_NOT_IN_SAMPLE,
                           nullptr, nullptr, nullptr);
}

void define_tail_parameters() {
  DefineCustomIntVariable(
      "vseg.tail_seal_rows", "Appended rows at which a background worker makes a segment of them.",
      "Until then a search looks at all of them. 0 leaves them to vseg_compact and REINDEX.",
      &seal_rows, kDefaultSealRows, 0, INT_MAX, PGC_SUSET, 0, nullptr, nullptr, nullptr);
  DefineCustomIntVariable(
      "vseg.tail_slowdown_rows", "Appended rows from which on inserts are slowed down.",
      "Inserts are delayed, or seal rows themselves where no background worker does. At least "
      "vseg.tail_seal_rows; without effect where that is 0.",
      &slowdown_rows, kDefaultSlowdownRows, 1, INT_MAX, PGC_SUSET, 0, nullptr, nullptr, nullptr);
  DefineCustomIntVariable(
      "vseg.tail_stop_rows", "Appended rows that are not exceeded: inserts wait a little before.",
      "At least vseg.tail_slowdown_rows; without effect where vseg.tail_seal_rows is 0.",
      &stop_rows, kDefaultStopRows, 1, INT_MAX, PGC_SUSET, 0, nullptr, nullptr, nullptr);
  DefineCustomIntVariable(
      "vseg.tail_idle_time",
      "Time without new rows after which a search has a short tail made a segment.",
      "By a background worker, from a tenth of vseg.tail_seal_rows appended rows on. 0 leaves "
      "short tails to VACUUM and the launcher.",
      &idle_time, kDefaultIdleTime, 0, kMostIdleTime, PGC_SUSET, GUC_UNIT_S, nullptr, nullptr,
      nullptr);
}

void define_worker_parameters() {
  DefineCustomIntVariable("vseg.merge_threads",
                          "Threads of a background worker that builds a segment.", nullptr,
                          &worker_threads, 1, 1, 64, PGC_SIGHUP, 0, nullptr, nullptr, nullptr);
  DefineCustomIntVariable(
      "vseg.max_workers", "Background workers that may run at a time, in all databases.",
      "Each also takes one of max_worker_processes. Where none is free, inserts seal rows "
      "themselves once they are slowed down.",
      &most_workers, kDefaultMaxWorkers, 0, 64, PGC_SIGHUP, 0, nullptr, nullptr, nullptr);
  DefineCustomIntVariable("vseg.launcher_naptime", "Time between two rounds of the launcher.",
                          "The launcher runs where shared_preload_libraries has vseg.", &naptime,
                          60, 1, INT_MAX / 1000, PGC_SIGHUP, GUC_UNIT_S, nullptr, nullptr, nullptr);
  DefineCustomIntVariable(
      "vseg.reuse_delay", "Time for which sealing and merging leave replaced space alone.",
      "They take new space before, so that reuse cancels few queries on standbys, unless more than "
      "the size of the index and 1 GB waits. VACUUM reuses all that nobody can read any more.",
      &seconds_before_reuse, kDefaultReuseDelay, 0, 86400, PGC_SIGHUP, GUC_UNIT_S, nullptr, nullptr,
      nullptr);
  DefineCustomStringVariable(
      "vseg.fault_point", "Where appending, sealing, merging and VACUUM stop or fail, for tests.",
      "\"name\": they wait at the named place until nobody holds the advisory lock (1987274087, "
      "0). "
      "\"name:error\", \"name:out_of_memory\", \"name:disk_full\": they fail there. "
      "\"name:panic\", "
      "\"name:kill\": the server does. Workers have the setting of who started them.",
      &fault_point_name, "", PGC_SUSET, GUC_NOT_IN_SAMPLE | GUC_NO_SHOW_ALL, check_fault_point,
      assign_fault_point, nullptr);
}

}  // namespace

GraphSettings graph_settings(Relation index) {
  const auto* options = reinterpret_cast<const IndexOptions*>(index->rd_options);
  const GraphSettings settings = {
      options != nullptr ? options->m : kDefaultM,
      options != nullptr ? options->ef_construction : kDefaultEfConstruction};
  if (settings.ef_construction < 2 * settings.m) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("ef_construction must be greater than or equal to 2 * m"),
                    errdetail("ef_construction is %d and m is %d.", settings.ef_construction,
                              settings.m)));
  }
  return settings;
}

ScanOptions scan_settings() {
  ScanOptions options;
  options.ef_search = static_cast<uint32_t>(ef_search);
  options.iterative = static_cast<IterativeScan>(iterative_scan);
  options.segments = static_cast<SegmentSearchMode>(segment_search);
  return options;
}

size_t memtable_limit() { return static_cast<size_t>(memtable_kilobytes) * 1024; }

int tail_seal_rows() { return seal_rows; }

int tail_slowdown_rows() { return slowdown_rows; }

int tail_stop_rows() { return stop_rows; }

MergePolicy merge_policy(Relation index, uint64_t capacity) {
  const auto* options = reinterpret_cast<const IndexOptions*>(index->rd_options);
  MergePolicy policy;
  policy.tier_rows = static_cast<uint64_t>(seal_rows > 0 ? seal_rows : kDefaultSealRows);
  policy.merge_factor =
      static_cast<uint32_t>(options != nullptr ? options->merge_factor : kDefaultMergeFactor);
  policy.dead_fraction = options != nullptr ? options->compact_dead_fraction : kDefaultDeadFraction;
  policy.capacity = capacity;
  return policy;
}

int tail_idle_time() { return idle_time; }

int max_workers() { return most_workers; }

int launcher_naptime() { return naptime; }

int reuse_delay() { return seconds_before_reuse; }

uint32_t merge_threads() { return static_cast<uint32_t>(worker_threads); }

const char* fault_point_setting() { return fault_point_name != nullptr ? fault_point_name : ""; }

void define_options() {
  define_reloptions();
  define_session_parameters();
  define_tail_parameters();
  define_worker_parameters();
  MarkGUCPrefixReserved("vseg");
}

}  // namespace pg
}  // namespace vseg

bytea* vseg_options(Datum reloptions, bool validate) {
  using vseg::pg::IndexOptions;
  static const relopt_parse_elt kElements[] = {
      {"m", RELOPT_TYPE_INT, offsetof(IndexOptions, m)},
      {"ef_construction", RELOPT_TYPE_INT, offsetof(IndexOptions, ef_construction)},
      {"merge_factor", RELOPT_TYPE_INT, offsetof(IndexOptions, merge_factor)},
      {"compact_dead_fraction", RELOPT_TYPE_REAL, offsetof(IndexOptions, compact_dead_fraction)},
  };
  return static_cast<bytea*>(build_reloptions(reloptions, validate, vseg::pg::index_options_kind,
                                              sizeof(IndexOptions), kElements,
                                              lengthof(kElements)));
}
