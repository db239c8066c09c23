#include "engine/compaction/merge_planner.h"

#include <algorithm>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vseg {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr PlannedMember segment(uint32_t id, uint64_t rows, uint64_t dead = 0) {
  return {id, false, rows, dead};
}
constexpr PlannedMember run(uint32_t id, uint64_t rows, uint64_t dead = 0) {
  return {id, true, rows, dead};
}

TEST(PlanCompaction, MergesEverythingThatFitsIntoOneSegment) {
  EXPECT_THAT(plan_compaction({segment(2, 100), run(3, 10), segment(4, 50)}, 160),
              ElementsAre(ElementsAre(2, 4, 3)));
}

TEST(PlanCompaction, LeavesALoneSegmentWithoutDeadRows) {
  EXPECT_THAT(plan_compaction({segment(2, 100)}, 1000), IsEmpty());
  EXPECT_THAT(plan_compaction({}, 1000), IsEmpty());
}

TEST(PlanCompaction, RewritesASegmentWithDeadRowsAndARun) {
  EXPECT_THAT(plan_compaction({segment(2, 100, 1)}, 1000), ElementsAre(ElementsAre(2)));
  EXPECT_THAT(plan_compaction({run(2, 100)}, 1000), ElementsAre(ElementsAre(2)));
  EXPECT_THAT(plan_compaction({segment(2, 100, 100)}, 1000), ElementsAre(ElementsAre(2)));
}

TEST(PlanCompaction, FillsGroupsUpToTheMemory) {
  // 90 | 60 + 40 | 50: the lone ones have nothing to gain.
  EXPECT_THAT(
      plan_compaction({segment(2, 50), segment(3, 60), segment(4, 90), segment(5, 40)}, 100),
      ElementsAre(ElementsAre(3, 5)));
}

TEST(PlanCompaction, CountsLiveRowsOnly) {
  EXPECT_THAT(plan_compaction({segment(2, 200, 150), segment(3, 50)}, 100),
              ElementsAre(ElementsAre(2, 3)));
}

TEST(PlanCompaction, LeavesASegmentTooLargeForMemoryAndSplitsARun) {
  EXPECT_THAT(plan_compaction({segment(2, 500, 100), run(3, 300), segment(4, 10)}, 100),
              ElementsAre(ElementsAre(3)));
}

// 100 rows a seal, three segments a tier: tiers begin at 0, 300, 900, 2700 rows.
constexpr MergePolicy kPolicy = {100, 3, 0.2, 5000};

TEST(SizeTier, GrowsByTheMergeFactor) {
  EXPECT_EQ(size_tier(0, kPolicy), 0u);
  EXPECT_EQ(size_tier(299, kPolicy), 0u);
  EXPECT_EQ(size_tier(300, kPolicy), 1u);
  EXPECT_EQ(size_tier(899, kPolicy), 1u);
  EXPECT_EQ(size_tier(900, kPolicy), 2u);
}

struct PlanCase {
  const char* what;
  std::vector<PlannedMember> members;
  MergeGroup expected;
};

TEST(PlanMerge, FollowsTheTable) {
  const PlanCase cases[] = {
      {"nothing", {}, {}},
      {"too few of a tier", {segment(2, 100), segment(3, 100)}, {}},
      {"a full tier, smallest first",
       {segment(2, 120), segment(3, 100), segment(4, 110)},
       {3, 4, 2}},
      {"segments of other tiers do not count",
       {segment(2, 100), segment(3, 100), segment(4, 1000), segment(5, 400)},
       {}},
      {"the lowest full tier",
       {segment(2, 400), segment(3, 400), segment(4, 400), segment(5, 100), segment(6, 100),
        segment(7, 100)},
       {5, 6, 7}},
      {"runs are the sealer's", {run(2, 100), run(3, 100), run(4, 100, 100)}, {}},
      {"as far as memory goes", {segment(2, 2600), segment(3, 2500), segment(4, 2400)}, {4, 3}},
      {"no two fit", {segment(2, 4000), segment(3, 4000), segment(4, 4000)}, {}},
      {"few dead rows", {segment(2, 1000, 199)}, {}},
      {"many dead rows", {segment(2, 1000, 200)}, {2}},
      {"half of that, and as many rows in smaller segments",
       {segment(2, 1000, 100), segment(3, 70), segment(4, 30)},
       {2, 3, 4}},
      {"half of that, and fewer in smaller segments", {segment(2, 1000, 100), segment(3, 99)}, {}},
      {"less than half of that", {segment(2, 1000, 99), segment(3, 500)}, {}},
      {"the most dead rows, and what is smaller",
       {segment(2, 1000, 300), segment(3, 5000, 1200), segment(4, 9000)},
       {3, 2}},
      {"what is smaller as far as memory goes",
       {segment(2, 700), segment(3, 5000, 1200), segment(4, 800), segment(5, 200)},
       {3, 2, 5}},
      {"dead rows come before a full tier, which is taken along",
       {segment(2, 5000, 2500), segment(3, 100), segment(4, 100), segment(5, 100)},
       {2, 3, 4, 5}},
      {"segments without live rows come first",
       {segment(2, 50, 50), segment(3, 100), segment(4, 100), segment(5, 100), segment(6, 9, 9)},
       {2, 6}},
      {"tiers are of live rows",
       {segment(2, 310, 30), segment(3, 100), segment(4, 100)},
       {3, 4, 2}},
      {"too large for memory, dead or not", {segment(2, 9000, 3000)}, {}},
  };
  for (const PlanCase& c : cases) {
    EXPECT_EQ(plan_merge(c.members, kPolicy), c.expected) << c.what;
  }
}

struct Life {
  uint64_t written;  // rows
  size_t most_segments;
};

// Seals of policy.tier_rows rows, merged as planned.
Life live(int seals, const MergePolicy& policy) {
  Life life = {0, 0};
  std::vector<PlannedMember> segments;
  uint32_t id = 1;
  for (int seal = 0; seal < seals; seal++) {
    segments.push_back(segment(id++, policy.tier_rows));
    life.written += policy.tier_rows;
    for (MergeGroup group; !(group = plan_merge(segments, policy)).empty();) {
      PlannedMember merged = segment(id++, 0);
      for (uint32_t input : group) {
        auto found = std::find_if(segments.begin(), segments.end(),
                                  [&](const PlannedMember& s) { return s.id == input; });
        merged.rows += found->rows;
        segments.erase(found);
      }
      life.written += merged.rows;
      segments.push_back(merged);
    }
    life.most_segments = std::max(life.most_segments, segments.size());
  }
  return life;
}

TEST(PlanMerge, BoundsTheSegmentsAndTheWriting) {
  const Life life = live(1000, {100, 4, 0.2, 1000000});
  EXPECT_LE(life.most_segments, 3u * 5);       // 1000 = 4^4.98: five tiers
  EXPECT_LE(life.written, 100000u * (1 + 5));  // sealed once, merged once a tier
  EXPECT_GE(life.written, 100000u * 4);        // the test does merge
}

TEST(PlanMergeForRoom, TakesTheTwoSmallestSegments) {
  EXPECT_THAT(plan_merge_for_room({segment(2, 900), run(3, 1), segment(4, 700, 100),
                                   segment(5, 610), segment(6, 5000)},
                                  1210),
              ElementsAre(4, 5));
}

TEST(PlanMergeForRoom, LeavesWhatDoesNotFitIntoMemoryOrIsAlone) {
  EXPECT_THAT(plan_merge_for_room({segment(2, 900), segment(3, 600)}, 1499), IsEmpty());
  EXPECT_THAT(plan_merge_for_room({segment(2, 900), run(3, 6)}, 5000), IsEmpty());
  EXPECT_THAT(plan_merge_for_room({}, 5000), IsEmpty());
}

TEST(ExpectedWriteAmplification, IsWhatMergingAsPlannedWrites) {
  for (uint32_t factor : {2, 3, 4, 8, 32}) {
    for (int seals : {1, 2, 7, 64, 100, 1000}) {
      const MergePolicy policy = {100, factor, 0.2, 1000000};
      const uint64_t rows = 100 * static_cast<uint64_t>(seals);
      EXPECT_DOUBLE_EQ(expected_write_amplification(rows, policy),
                       static_cast<double>(live(seals, policy).written) / static_cast<double>(rows))
          << seals << " seals, merge factor " << factor;
    }
  }
}

TEST(ExpectedWriteAmplification, IsOneWhereNothingIsMerged) {
  EXPECT_DOUBLE_EQ(expected_write_amplification(0, kPolicy), 1);
  EXPECT_DOUBLE_EQ(expected_write_amplification(99, kPolicy), 1);
  EXPECT_DOUBLE_EQ(expected_write_amplification(200, kPolicy), 1);
}

// 5000 rows of memory: tiers of 300, 900 and 2700 rows are made, none of 8100.
TEST(ExpectedWriteAmplification, LeavesOutMergesThatDoNotFitIntoMemory) {
  EXPECT_DOUBLE_EQ(expected_write_amplification(8100, kPolicy), 4);
}

}  // namespace
}  // namespace vseg
