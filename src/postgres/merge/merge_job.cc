// See src/postgres/README.md for the protocol.
#include "postgres/merge/merge_job.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <utility>

#include "engine/common/bits.h"
#include "engine/compaction/merged_rows.h"
#include "engine/common/worker_threads.h"
#include "engine/append/append_reader.h"
#include "engine/segment/segment_reader.h"
#include "postgres/boundary/guard.h"
#include "postgres/boundary/fault_point.h"
#include "postgres/boundary/retry.h"
#include "postgres/statistics/current_job.h"
#include "postgres/directory/directory.h"
#include "postgres/segment/live_writer.h"
#include "postgres/directory/metapage.h"
#include "postgres/pages/pages.h"
#include "postgres/directory/reclaim.h"
#include "postgres/segment/tombstone_pages.h"

namespace vseg {
namespace pg {
namespace {

Metapage metapage_of(Relation index) {
  Metapage metapage;
  call_pg([&] { read_metapage(index, &metapage); });
  return metapage;
}

// Takes a lock of the index by trying again and again: who waits in the lock's queue behind
// autovacuum would have it cancelled.
void lock_patiently(Relation index, IndexLock lock, ProgressMonitor& monitor) {
  retry_until(monitor, [&] { return try_lock_index(index, lock); });
}

void unlock(Relation index, IndexLock lock) {
  call_pg([&] { unlock_index(index, lock); });
}

bool is_mergeable(const DirectoryEntry& entry) { return entry.kind != MemberKind::kAppendChain; }

// Asks now and then, while a graph is built, whether the build is in vain. What that throws waits
// until the build's threads have ended.
class DoubtingMonitor : public BuildMonitor {
 public:
  DoubtingMonitor(BuildMonitor& monitor, std::function<bool()> in_vain)
      : monitor_(monitor), in_vain_(std::move(in_vain)) {}

  void inserted(uint32_t rows) override { monitor_.inserted(rows); }
  void completing() override { monitor_.completing(); }
  bool cancelled() override {
    if (monitor_.cancelled()) {
      return true;
    }
    if (!stops() && Clock::now() - asked_ >= kInterval) {
      ask();
    }
    return stops();
  }

  // To be called when the build has ended or thrown: true if it was stopped for being in vain.
  bool gave_up() const {
    if (error_) {
      std::rethrow_exception(error_);
    }
    return gave_up_;
  }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::seconds kInterval{2};

  bool stops() const { return gave_up_ || error_ != nullptr; }
  void ask() {
    try {
      gave_up_ = in_vain_();
    } catch (...) {
      error_ = std::current_exception();
    }
    asked_ = Clock::now();
  }

  BuildMonitor& monitor_;
  std::function<bool()> in_vain_;
  Clock::time_point asked_ = Clock::now();
  bool gave_up_ = false;
  std::exception_ptr error_;
};

// One merge: reads the inputs' live rows, writes them as segments, publishes these.
class Merge {
 public:
  Merge(Relation index, MergeInputs inputs, const SegmentBuilderOptions& options,
        ProgressMonitor& monitor)
      : index_(index),
        inputs_(std::move(inputs)),
        map_(inputs_.members.size()),
        vectors_(inputs_, map_),
        builder_(options, &monitor),
        target_(index),
        monitor_(monitor) {}

  void run() {
    build();
    fault_point("merge-written", monitor_);
    lock_patiently(index_, IndexLock::kPublish, monitor_);
    publish();
    unlock(index_, IndexLock::kPublish);
  }

 private:
  void build() {
    report_phase(kPhaseLoading);
    LiveRows rows(inputs_, &map_, builder_.known_lists());
    CancelCheck check(monitor_);
    watch(monitor_, [&] {
      while (rows.next()) {
        check.step();
        const Tid tid = rows.tid();
        const float* vector = rows.vector();
        if (!builder_.add(tid, vector)) {
          // Writing a segment reads other pages.
          const std::vector<float> copy(vector, vector + inputs_.dimensions);
          write_segment();
          builder_.add(tid, copy.data());
        }
      }
    });
    fault_point("merge-read", monitor_);
    read_all_ = true;
    write_segment();
  }

  // Whether VACUUM has marked all the rows since they were taken: they need no segment. Where there
  // is one already of some of them, the others get theirs all the same.
  bool all_died() {
    if (!read_all_ || !outputs_.empty()) {
      return false;
    }
    size_t died = 0;
    watch(monitor_, [&] { died = died_since(inputs_, map_, monitor_).size(); });
    return died == builder_.rows();
  }

  // False where the rows died meanwhile.
  bool build_graph() {
    DoubtingMonitor monitor(monitor_, [this] { return all_died(); });
    try {
      watch(monitor_, [&] { builder_.build(monitor); });
    } catch (const CancelledError&) {
      if (!monitor.gave_up()) {
        throw;
      }
    }
    return !monitor.gave_up();
  }

  // Makes a segment of the rows in memory.
  void write_segment() {
    if (builder_.rows() == 0 || all_died()) {
      return;
    }
    report_phase(kPhaseGraph);
    report_total_rows(written_rows_ + builder_.rows());
    monitor_.set_rows_before(written_rows_);
    if (!build_graph()) {
      return;
    }
    fault_point("merge-built", monitor_);
    report_phase(kPhaseWriting);
    // What this worker's last merges displaced, most often: the relation grows less.
    call_pg([&] { drain_if_free(index_); });
    const uint32_t id = call_pg([&] { return reserve_member_id(index_); });
    outputs_.push_back(write_segment_to(target_, builder_, id, vectors_, monitor_));
    written_rows_ += builder_.rows();
    add_to_job(builder_.rows(), builder_.work().distances);
    builder_.clear();
    report_phase(kPhaseLoading);
  }

  // Under PUBLISH, so that VACUUM does not mark rows of the inputs meanwhile: those it marked since
  // they were read are marked in the outputs before these are published. A later mark would come
  // too late: their addresses may belong to other rows by then.
  void publish() {
    carry_tombstones();
    fault_point("merge-carried", monitor_);
    std::vector<ReplacedMember> inputs;
    for (const DirectoryEntry& entry : inputs_.members) {
      inputs.push_back({entry.id, pages_of(entry)});
    }
    const Replacement replacement = {inputs.data(), static_cast<uint32_t>(inputs.size()),
                                     outputs_.data(), static_cast<uint32_t>(outputs_.size())};
    call_pg([&] { publish_replacement(index_, replacement); });
    fault_point("merge-published", monitor_);
    call_pg([&] { stamp_displaced(index_); });
    fault_point("merge-stamped", monitor_);
  }

  // Whole extents.
  uint32_t pages_of(const DirectoryEntry& entry) {
    const uint64_t pages =
        entry.kind == MemberKind::kGraphSegment
            ? entry.pages
            : summarize_append_chain(inputs_.pages, entry, inputs_.dimensions).pages;
    return static_cast<uint32_t>((pages + kExtentPages - 1) / kExtentPages * kExtentPages);
  }

  void carry_tombstones() {
    std::vector<uint64_t> died;
    watch(monitor_, [&] { died = died_since(inputs_, map_, monitor_); });
    uint64_t first = 0;
    auto next = died.begin();
    for (DirectoryEntry& output : outputs_) {
      std::vector<Ordinal> dead;
      for (; next != died.end() && *next < first + output.rows; ++next) {
        dead.push_back(static_cast<Ordinal>(*next - first));
      }
      if (!dead.empty()) {
        mark(output, dead);
      }
      output.dead_rows = dead.size();
      first += output.rows;
    }
  }

  // Marks rows of a segment dead that nobody reads yet; `dead` ascends.
  void mark(const DirectoryEntry& output, const std::vector<Ordinal>& dead) {
    const SegmentReader segment(inputs_.pages, output, inputs_.dimensions);
    for (size_t done = 0; done < dead.size();) {
      const uint32_t page = dead[done] / kTombstonesPerPage;
      std::vector<std::byte> bits(kPagePayload);
      for (; done < dead.size() && dead[done] / kTombstonesPerPage == page; done++) {
        set_bit(bits.data(), dead[done] % kTombstonesPerPage);
      }
      const BlockNo block = segment.block(segment.header().tombstones.first + page);
      call_pg([&] { set_tombstones(index_, block, output.id, bits.data()); });
    }
  }

  Relation index_;
  MergeInputs inputs_;
  RowMap map_;
  TakenVectors vectors_;
  SegmentBuilder builder_;
  LiveWriter target_;
  ProgressMonitor& monitor_;
  bool read_all_ = false;
  std::vector<DirectoryEntry> outputs_;
  uint64_t written_rows_ = 0;
};

// Appended rows alone are sealed.
WorkCause cause_of(const MergeInputs& inputs) {
  auto is_segment = [](const DirectoryEntry& entry) {
    return entry.kind == MemberKind::kGraphSegment;
  };
  const auto& members = inputs.members;
  return std::any_of(members.begin(), members.end(), is_segment) ? WorkCause::kMerge
                                                                 : WorkCause::kSeal;
}

// Who reads the log shall know what takes more memory than it was given, and what ends that.
void log_memory(Relation index, size_t bytes) {
  constexpr size_t kMegabyte = 1024 * 1024;
  const unsigned long long megabytes = bytes / kMegabyte + 1;
  call_pg([&] {
    ereport(LOG, (errmsg("a job on vseg index \"%s\" takes up to %lluMB, more than "
                         "maintenance_work_mem",
                         RelationGetRelationName(index), megabytes),
                  errdetail("With less, the index would have more segments than it can list."),
                  errhint("Increase maintenance_work_mem to %lluMB.", megabytes)));
  });
}

uint64_t rows_of_runs(const MergeInputs& inputs) {
  uint64_t rows = 0;
  for (const DirectoryEntry& run : inputs.members) {
    rows += summarize_append_chain(inputs.pages, run, inputs.dimensions).rows;
  }
  return rows;
}

}  // namespace

MergeJob::MergeJob(Relation index, const JobResources& resources, ProgressMonitor& monitor)
    : index_(index), monitor_(monitor), options_{}, given_memory_(resources.memory) {
  const Metapage metapage = metapage_of(index);
  options_.dimensions = metapage.dimensions;
  options_.metric = metapage.metric;
  options_.graph.m = metapage.m;
  options_.graph.ef_construction = metapage.ef_construction;
  options_.graph.threads = resources.threads;
  options_.memory = resources.memory;
}

void MergeJob::take_memory_for(uint64_t rows) {
  while (capacity() < rows) {
    options_.memory += options_.memory / 8;
  }
}

bool MergeJob::lock(IndexLock lock, bool wait) {
  if (!wait) {
    return call_pg([&] { return try_lock_index(index_, lock); });
  }
  lock_patiently(index_, lock, monitor_);
  return true;
}

void MergeJob::freeze_tail(uint64_t enough) {
  fault_point("freeze-begin", monitor_);
  uint64_t rows = 0;
  for (const PlannedMember& run : runs()) {
    rows += run.live();
  }
  if (rows >= enough) {
    return;
  }
  lock_patiently(index_, IndexLock::kPublish, monitor_);
  call_pg([&] { freeze_append_chains(index_); });
  unlock(index_, IndexLock::kPublish);
  fault_point("chain-frozen", monitor_);
  // Runs that an interrupted job left behind as well.
  const Metapage metapage = metapage_of(index_);
  for (uint32_t i = 0; i < metapage.directory_count; i++) {
    if (metapage.directory[i].kind == MemberKind::kFlatRun) {
      call_pg([&] { close_run(index_, metapage.directory[i]); });
    }
  }
  fault_point("run-closed", monitor_);
}

std::vector<PlannedMember> MergeJob::runs() {
  const Metapage metapage = metapage_of(index_);
  BufferPages pages(index_);
  std::vector<PlannedMember> runs;
  for (uint32_t i = 0; i < metapage.directory_count; i++) {
    const DirectoryEntry& entry = metapage.directory[i];
    if (entry.kind == MemberKind::kFlatRun) {
      const AppendSummary run = summarize_append_chain(pages, entry, metapage.dimensions);
      if (!run.open) {
        runs.push_back({entry.id, true, run.rows, run.dead_rows});
      }
    }
  }
  pages.release();
  return runs;
}

std::vector<PlannedMember> MergeJob::segments() {
  const Metapage metapage = metapage_of(index_);
  std::vector<PlannedMember> segments;
  for (uint32_t i = 0; i < metapage.directory_count; i++) {
    const DirectoryEntry& entry = metapage.directory[i];
    if (entry.kind == MemberKind::kGraphSegment &&
        !call_pg([&] { return is_member_claimed(index_, entry.id); })) {
      segments.push_back({entry.id, false, entry.rows, entry.dead_rows});
    }
  }
  return segments;
}

// False, and nothing is claimed, where another job has one of them.
bool MergeJob::claim(const MergeGroup& group) {
  for (auto id = group.begin(); id != group.end(); ++id) {
    if (!call_pg([&] { return try_claim_member(index_, *id); })) {
      release({group.begin(), id});
      return false;
    }
  }
  return true;
}

void MergeJob::release(const MergeGroup& group) {
  call_pg([&] {
    for (uint32_t id : group) {
      release_member(index_, id);
    }
  });
}

void MergeJob::merge(const MergeGroup& group) {
  if (!claim(group)) {
    return;
  }
  replace(group);
  release(group);
}

void MergeJob::replace(const MergeGroup& group) {
  const Metapage metapage = metapage_of(index_);
  BufferPages pages(index_, call_pg([] { return GetAccessStrategy(BAS_BULKREAD); }));
  MergeInputs inputs{pages, {}, metapage.dimensions};
  for (uint32_t i = 0; i < metapage.directory_count; i++) {
    const DirectoryEntry& entry = metapage.directory[i];
    if (is_mergeable(entry) && std::find(group.begin(), group.end(), entry.id) != group.end()) {
      inputs.members.push_back(entry);
    }
  }
  if (inputs.members.empty()) {
    return;  // replaced by others since it was planned, or there was no room for it
  }
  sort_for_merge(&inputs.members);
  // Before the work, and again when it is published.
  const auto count = static_cast<uint32_t>(inputs.members.size());
  call_pg([&] { require_room(index_, metapage, count, 1); });
  begin_job(cause_of(inputs));
  if (cause_of(inputs) == WorkCause::kSeal) {
    const uint64_t rows = rows_of_runs(inputs);
    call_pg([&] { begin_seal(index_, rows); });
  }
  if (options_.memory > given_memory_) {
    log_memory(index_, options_.memory);
  }
  Merge(index_, std::move(inputs), options_, monitor_).run();
  call_pg([&] { end_job(index_); });
  pages.release();
}

}  // namespace pg
}  // namespace vseg
