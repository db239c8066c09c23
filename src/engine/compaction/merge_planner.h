// Which members to merge: pure functions of what the directory lists.
#ifndef VSEG_ENGINE_COMPACTION_MERGE_PLANNER_H_
#define VSEG_ENGINE_COMPACTION_MERGE_PLANNER_H_

#include <cstdint>
#include <vector>

namespace vseg {

struct PlannedMember {
  uint32_t id;
  bool run;  // flat run: its rows have no graph yet
  uint64_t rows;
  uint64_t dead_rows;

  uint64_t live() const { return rows - dead_rows; }
};

// Members that become segments together; one where they fit into memory.
using MergeGroup = std::vector<uint32_t>;

// A full compaction: as few segments without dead rows as building `capacity` rows at a time makes.
// A segment that is too large for memory, and one that would be written again as it is, are left
// alone; a run too large becomes several segments.
std::vector<MergeGroup> plan_compaction(const std::vector<PlannedMember>& members,
                                        uint64_t capacity);

// When background workers merge. Segments of about one size are a tier: tier 0 has fewer than
// merge_factor * tier_rows live rows, each further tier merge_factor times as many. So a row is
// written again about once a tier, log(rows / tier_rows) / log(merge_factor) times in all, and an
// index has at most merge_factor - 1 segments a tier, apart from those too large for memory.
struct MergePolicy {
  uint64_t tier_rows;     // as many as a seal takes
  uint32_t merge_factor;  // segments of a tier that are merged; at least 2
  double dead_fraction;   // share of dead rows at which a segment is written anew
  uint64_t capacity;      // rows that fit into memory
};

uint32_t size_tier(uint64_t live_rows, const MergePolicy& policy);

// The next merge; empty when there is nothing to gain. In this order: segments without live rows
// go; the segment with most dead rows, if they are dead_fraction of it, is written anew, and with
// it the smaller ones (also from half as many on, where the rows of the smaller ones make up for
// the rest); a tier with merge_factor segments or more becomes one segment, lowest tier first, as
// far as memory goes. Merging what is planned again and again ends. Runs are not considered.
MergeGroup plan_merge(const std::vector<PlannedMember>& members, const MergePolicy& policy);

// The segments without live rows: nothing is built of them, and no space taken.
MergeGroup plan_dead_segments(const std::vector<PlannedMember>& members);

// What is merged where the directory is nearly full and nothing is due: the two segments with the
// fewest live rows, whatever their tiers; empty if they do not fit into memory together.
MergeGroup plan_merge_for_room(const std::vector<PlannedMember>& members, uint64_t capacity);

// How often each of `rows` rows is written into a graph, on average, where they come in seals of
// policy.tier_rows rows, none dies, and plan_merge's merges are done after every seal: once by its
// seal, and once a tier for the rows in full tiers. Each F^t seals of n rows, F the merge factor,
// are one merge of F^t * n rows, so that of s seals floor(s / F^t) * F^t / s of the rows are
// written in tier t. Merges that do not fit into memory are left out. At least 1; 1 where nothing
// is merged.
double expected_write_amplification(uint64_t rows, const MergePolicy& policy);

}  // namespace vseg

#endif  // VSEG_ENGINE_COMPACTION_MERGE_PLANNER_H_
