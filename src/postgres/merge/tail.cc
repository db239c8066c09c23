#include "postgres/merge/tail.h"

#include <algorithm>
#include <ctime>
#include <tuple>

extern "C" {
#include "miscadmin.h"
}

#include "engine/compaction/back_pressure.h"
#include "engine/compaction/space_policy.h"
#include "engine/append/append_reader.h"
#include "postgres/boundary/guard.h"
#include "postgres/merge/file_end.h"
#include "postgres/options/options.h"
#include "postgres/directory/directory.h"
#include "postgres/directory/metapage.h"
#include "postgres/pages/pages.h"

namespace vseg {
namespace pg {

Tail look_at_tail(Relation index) {
  Metapage metapage;
  read_metapage(index, &metapage);
  Tail tail = {};
  tail.runs = count_members(metapage, MemberKind::kFlatRun);
  // A seal lists a chain before and a segment after it takes runs away.
  tail.has_room = has_room(metapage, 1, 2);
  tail.unsealed = run_cpp([&] {
    const uint16_t clock = append_clock(time(nullptr));
    BufferPages pages(index);
    UnsealedRows unsealed;
    for (uint32_t i = 0; i < metapage.directory_count; i++) {
      const DirectoryEntry& entry = metapage.directory[i];
      if (entry.kind != MemberKind::kGraphSegment) {
        unsealed.add(count_chain_rows(pages, entry, metapage.dimensions, clock));
      }
    }
    pages.release();
    return unsealed;
  });
  return tail;
}

TailLimits tail_limits() {
  return {static_cast<uint64_t>(tail_seal_rows()), static_cast<uint64_t>(tail_slowdown_rows()),
          static_cast<uint64_t>(tail_stop_rows())};
}

size_t most_rows_in_memory() {
  constexpr int kShare = 16;
  return tail_seal_rows() == 0
             ? SIZE_MAX
             : static_cast<size_t>(std::max(tail_slowdown_rows(), tail_seal_rows()) / kShare) + 1;
}

uint64_t unwatched_rows() {
  constexpr int kShare = 64;
  return static_cast<uint64_t>(tail_slowdown_rows() / kShare);
}

uint64_t rows_on_the_way() {
  constexpr uint64_t kWriters = 16;
  return kWriters * (most_rows_in_memory() + unwatched_rows());
}

bool can_be_maintained(Relation index) {
  return !RelationUsesLocalBuffers(index) && index->rd_createSubid == InvalidSubTransactionId &&
         index->rd_newRelfilenodeSubid == InvalidSubTransactionId && index->rd_index->indisvalid &&
         index->rd_index->indislive;
}

uint64_t rows_of_oldest_run(Relation index) {
  Metapage metapage;
  read_metapage(index, &metapage);
  const DirectoryEntry* oldest = nullptr;
  for (uint32_t i = 0; i < metapage.directory_count; i++) {
    const DirectoryEntry& entry = metapage.directory[i];
    const bool comes_first =
        oldest == nullptr || std::tuple(entry.kind != MemberKind::kFlatRun, entry.id) <
                                 std::tuple(oldest->kind != MemberKind::kFlatRun, oldest->id);
    if (entry.kind != MemberKind::kGraphSegment && comes_first) {
      oldest = &entry;
    }
  }
  return oldest == nullptr ? 0 : run_cpp([&] {
    BufferPages pages(index);
    const uint64_t rows =
        count_chain_rows(pages, *oldest, metapage.dimensions, append_clock(time(nullptr))).rows;
    pages.release();
    return rows;
  });
}

namespace {

uint64_t live_rows(const std::vector<PlannedMember>& members, const MergeGroup& group) {
  uint64_t rows = 0;
  for (const PlannedMember& member : members) {
    rows += std::find(group.begin(), group.end(), member.id) != group.end() ? member.live() : 0;
  }
  return rows;
}

// As many segments as a run may become. Others list members meanwhile.
uint64_t most_segments_of_run(Relation index) {
  constexpr uint32_t kMost = 4;
  Metapage metapage;
  call_pg([&] { read_metapage(index, &metapage); });
  return std::clamp((kMaxDirectoryEntries - metapage.directory_count) / 3, 1U, kMost);
}

}  // namespace

bool seal_tail(Relation index, ProgressMonitor& monitor, const SealWork& work) {
  MergeJob job(index, work.resources, monitor);
  job.freeze_tail(work.rows);
  const std::vector<PlannedMember> runs = seal_share(job.runs(), work.rows, kMaxDirectoryEntries);
  for (const MergeGroup& group : plan_compaction(runs, job.capacity())) {
    job.take_memory_for(live_rows(runs, group) / most_segments_of_run(index) + 1);
    job.merge(group);
  }
  return !runs.empty();
}

// Were segments as large as memory allows left alone, the directory would fill up, nothing could be
// sealed any more, and the tail would grow without end.
MergeGroup due_merge(Relation index, MergeJob* job, uint64_t most) {
  const MergePolicy policy = merge_policy(index, std::min(job->capacity(), most));
  const std::vector<PlannedMember> segments = job->segments();
  Metapage metapage;
  call_pg([&] { read_metapage(index, &metapage); });
  const bool must_wait = merges_must_wait(segment_pages(metapage), metapage.displaced_pages);
  MergeGroup group = must_wait ? plan_dead_segments(segments) : plan_merge(segments, policy);
  if (group.empty() && metapage.directory_count > kMaxMembersForInserters) {
    group = plan_merge_for_room(segments, most == kAllRows ? UINT64_MAX : policy.capacity);
    job->take_memory_for(live_rows(segments, group));
  }
  if (group.empty() && !must_wait && most == kAllRows) {
    group = segment_at_file_end(index, metapage, segments, policy.capacity);
  }
  return has_room(metapage, static_cast<uint32_t>(group.size()), 1) ? group : MergeGroup();
}

uint64_t small_merge_rows() {
  constexpr uint64_t kSeals = 16;
  return kSeals * static_cast<uint64_t>(tail_seal_rows());
}

MergeGroup merge_for_room(Relation index, MergeJob* job) {
  const MergeGroup group = plan_merge_for_room(job->segments(), job->capacity());
  Metapage metapage;
  call_pg([&] { read_metapage(index, &metapage); });
  return has_room(metapage, static_cast<uint32_t>(group.size()), 1) ? group : MergeGroup();
}

JobResources worker_resources() {
  JobResources resources;
  resources.threads = merge_threads();
  resources.memory = static_cast<size_t>(maintenance_work_mem) * 1024;
  return resources;
}

}  // namespace pg
}  // namespace vseg
