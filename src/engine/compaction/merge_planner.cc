#include "engine/compaction/merge_planner.h"

#include <algorithm>
#include <iterator>

#include "engine/common/engine_only.h"

namespace vseg {
namespace {

struct OpenGroup {
  std::vector<const PlannedMember*> members;
  uint64_t live = 0;
};

// Whether merging a group gains anything: rows get a graph, segments become fewer, dead rows go.
bool is_worthwhile(const OpenGroup& group) {
  return group.members.size() > 1 || group.members[0]->run || group.members[0]->dead_rows > 0;
}

// The segments of a full tier, smallest first, that fit into memory together; empty if these are
// not two at least.
MergeGroup full_tier(const std::vector<PlannedMember>& members, uint32_t tier,
                     const MergePolicy& policy) {
  std::vector<const PlannedMember*> segments;
  for (const PlannedMember& member : members) {
    if (!member.run && size_tier(member.live(), policy) == tier) {
      segments.push_back(&member);
    }
  }
  if (segments.size() < policy.merge_factor) {
    return {};
  }
  std::stable_sort(
      segments.begin(), segments.end(),
      [](const PlannedMember* a, const PlannedMember* b) { return a->live() < b->live(); });
  MergeGroup group;
  uint64_t live = 0;
  for (const PlannedMember* segment : segments) {
    live += segment->live();
    if (live <= policy.capacity) {
      group.push_back(segment->id);
    }
  }
  return group.size() < 2 ? MergeGroup() : group;
}

uint64_t live_rows_of_smaller(const std::vector<PlannedMember>& members, uint64_t live) {
  uint64_t rows = 0;
  for (const PlannedMember& member : members) {
    rows += !member.run && member.live() < live ? member.live() : 0;
  }
  return rows;
}

// Rewriting also saves searches the smaller segments: from half of the dead rows on that count
// alone, the rows of those count with them.
bool is_due_for_the_dead(const PlannedMember& member, const std::vector<PlannedMember>& members,
                         const MergePolicy& policy) {
  if (member.run || member.dead_rows == 0 || member.live() > policy.capacity) {
    return false;
  }
  const double due = policy.dead_fraction * static_cast<double>(member.rows);
  const auto dead = static_cast<double>(member.dead_rows);
  const auto smaller = static_cast<double>(live_rows_of_smaller(members, member.live()));
  return dead >= due || (dead >= due / 2 && dead + smaller >= due);
}

// The segment with most dead rows and those that are smaller, which cost little beside it, as far
// as memory goes.
MergeGroup most_dead(const std::vector<PlannedMember>& members, const MergePolicy& policy) {
  const PlannedMember* most = nullptr;
  for (const PlannedMember& member : members) {
    if (is_due_for_the_dead(member, members, policy) &&
        (most == nullptr || member.dead_rows > most->dead_rows)) {
      most = &member;
    }
  }
  if (most == nullptr) {
    return {};
  }
  MergeGroup group = {most->id};
  uint64_t live = most->live();
  for (const PlannedMember& member : members) {
    if (!member.run && member.live() < most->live() && live + member.live() <= policy.capacity) {
      live += member.live();
      group.push_back(member.id);
    }
  }
  return group;
}

}  // namespace

MergeGroup plan_dead_segments(const std::vector<PlannedMember>& members) {
  MergeGroup group;
  for (const PlannedMember& member : members) {
    if (!member.run && member.live() == 0) {
      group.push_back(member.id);
    }
  }
  return group;
}

uint32_t size_tier(uint64_t live_rows, const MergePolicy& policy) {
  uint32_t tier = 0;
  for (uint64_t rows = live_rows / policy.merge_factor; rows >= policy.tier_rows;
       rows /= policy.merge_factor) {
    tier++;
  }
  return tier;
}

// The dead rows before the tiers: what a tier would merge is mostly taken along, and its inputs
// would take up space of their own while the large one is written anew.
MergeGroup plan_merge(const std::vector<PlannedMember>& members, const MergePolicy& policy) {
  MergeGroup group = plan_dead_segments(members);
  if (group.empty()) {
    group = most_dead(members, policy);
  }
  uint32_t tiers = 0;
  for (const PlannedMember& member : members) {
    tiers = std::max(tiers, size_tier(member.live(), policy) + 1);
  }
  for (uint32_t tier = 0; tier < tiers && group.empty(); tier++) {
    group = full_tier(members, tier, policy);
  }
  return group;
}

MergeGroup plan_merge_for_room(const std::vector<PlannedMember>& members, uint64_t capacity) {
  std::vector<PlannedMember> segments;
  std::copy_if(members.begin(), members.end(), std::back_inserter(segments),
               [](const PlannedMember& member) { return !member.run; });
  if (segments.size() < 2) {
    return {};
  }
  std::partial_sort(
      segments.begin(), segments.begin() + 2, segments.end(),
      [](const PlannedMember& a, const PlannedMember& b) { return a.live() < b.live(); });
  return segments[0].live() + segments[1].live() <= capacity
             ? MergeGroup{segments[0].id, segments[1].id}
             : MergeGroup();
}

double expected_write_amplification(uint64_t rows, const MergePolicy& policy) {
  const uint64_t seals = rows / policy.tier_rows;
  uint64_t written = seals;  // in seals
  for (uint64_t merged = policy.merge_factor;
       merged <= seals && merged * policy.tier_rows <= policy.capacity;
       merged *= policy.merge_factor) {
    written += seals / merged * merged;
  }
  return seals == 0 ? 1 : static_cast<double>(written) / static_cast<double>(seals);
}

// First fit, largest first.
std::vector<MergeGroup> plan_compaction(const std::vector<PlannedMember>& members,
                                        uint64_t capacity) {
  std::vector<const PlannedMember*> sorted;
  for (const PlannedMember& member : members) {
    if (member.run || member.live() <= capacity) {
      sorted.push_back(&member);
    }
  }
  std::stable_sort(
      sorted.begin(), sorted.end(),
      [](const PlannedMember* a, const PlannedMember* b) { return a->live() > b->live(); });
  std::vector<OpenGroup> groups;
  for (const PlannedMember* member : sorted) {
    auto fits = [&](const OpenGroup& group) { return group.live + member->live() <= capacity; };
    auto group = std::find_if(groups.begin(), groups.end(), fits);
    if (group == groups.end()) {
      group = groups.insert(group, OpenGroup());
    }
    group->members.push_back(member);
    group->live += member->live();
  }
  std::vector<MergeGroup> plan;
  for (const OpenGroup& group : groups) {
    if (is_worthwhile(group)) {
      plan.emplace_back();
      for (const PlannedMember* member : group.members) {
        plan.back().push_back(member->id);
      }
    }
  }
  return plan;
}

}  // namespace vseg
