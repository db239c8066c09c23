#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "engine/compaction/back_pressure.h"

namespace vseg {
namespace {

constexpr TailLimits kLimits = {10000, 100000, 400000};

struct Case {
  const char* name;
  TailState tail;
  TailLimits limits;
  Pressure state;
  PressureCause cause;
  double excess;
};

class BackPressureTable : public testing::TestWithParam<Case> {};

TEST_P(BackPressureTable, GivesStateAndCause) {
  const Case& c = GetParam();
  const BackPressure pressure = back_pressure(c.tail, c.limits);
  EXPECT_EQ(pressure.state, c.state);
  EXPECT_EQ(pressure.cause, c.cause);
  EXPECT_DOUBLE_EQ(pressure.excess, c.excess);
}

constexpr auto kNone = Pressure::kNone;
constexpr auto kSlow = Pressure::kSlowDown;
constexpr auto kStop = Pressure::kStop;
constexpr auto kCalm = PressureCause::kNone;
constexpr auto kBehind = PressureCause::kSealerBehind;
constexpr auto kNobody = PressureCause::kNoSealer;
constexpr auto kNoRoom = PressureCause::kNoRoom;

const Case kCases[] = {
    {"Empty", {0, 0, false, true}, kLimits, kNone, kCalm, 0},
    {"BelowSlowdown", {99999, 0, false, true}, kLimits, kNone, kCalm, 0},
    {"BelowSlowdownWithoutRoom", {99999, 0, false, false}, kLimits, kNone, kCalm, 0},
    {"AtSlowdownSealing", {100000, 0, true, true}, kLimits, kSlow, kBehind, 0},
    {"AtSlowdownNobodySeals", {100000, 0, false, true}, kLimits, kSlow, kNobody, 0},
    {"HalfWaySealing", {250000, 0, true, true}, kLimits, kSlow, kBehind, 0.5},
    {"HalfWayWithoutRoom", {250000, 0, false, false}, kLimits, kSlow, kNoRoom, 0.5},
    {"SealingWithoutRoomForMore", {250000, 0, true, false}, kLimits, kSlow, kBehind, 0.5},
    {"AtStopSealing", {400000, 0, true, true}, kLimits, kStop, kBehind, 1},
    {"AtStopNobodySeals", {400000, 0, false, true}, kLimits, kStop, kNobody, 1},
    {"AtStopWithoutRoomIsNeverStopped", {400000, 0, false, false}, kLimits, kSlow, kNoRoom, 1},
    {"FarBeyondStop", {4000000000, 0, true, true}, kLimits, kStop, kBehind, 1},
    {"NeverSealed", {400000, 0, false, true}, {0, 100000, 400000}, kNone, kCalm, 0},
    {"SlowdownBelowSeal", {9999, 0, false, true}, {10000, 10, 400000}, kNone, kCalm, 0},
    {"SlowdownCountsAsSeal", {10000, 0, false, true}, {10000, 10, 400000}, kSlow, kNobody, 0},
    {"StopBelowSlowdown", {99999, 0, false, true}, {10000, 100000, 5}, kNone, kCalm, 0},
    {"StopCountsAsSlowdown", {100000, 0, true, true}, {10000, 100000, 5}, kStop, kBehind, 1},
    {"AllBelowSeal", {10000, 0, false, true}, {10000, 1, 1}, kStop, kNobody, 1},
    {"OnTheWayToStop", {299999, 100000, true, true}, kLimits, kSlow, kBehind, 199999.0 / 200000},
    {"AtStopWithWhatIsOnTheWay", {300000, 100000, true, true}, kLimits, kStop, kBehind, 1},
    {"HalfIsLeftForSlowingDown",
     {249999, 300000, true, true},
     kLimits,
     kSlow,
     kBehind,
     149999.0 / 150000},
};

INSTANTIATE_TEST_SUITE_P(Table, BackPressureTable, testing::ValuesIn(kCases),
                         [](const auto& info) { return info.param.name; });

TEST(SlowdownDelay, GrowsWithRowsAndExcessUpToSeconds) {
  auto at = [](double excess) { return BackPressure{kSlow, kBehind, excess}; };
  EXPECT_EQ(slowdown_delay(at(0), 1000), 0u);
  EXPECT_EQ(slowdown_delay(at(0.5), 1), 500u);
  EXPECT_EQ(slowdown_delay(at(0.5), 100), 50000u);
  EXPECT_EQ(slowdown_delay(at(1), 100), 100000u);
  EXPECT_EQ(slowdown_delay(at(1), std::numeric_limits<uint64_t>::max()), 5000000u);
  EXPECT_EQ(slowdown_delay({kNone, kCalm, 0}, 1000), 0u);
}

std::vector<uint32_t> ids(const std::vector<PlannedMember>& members) {
  std::vector<uint32_t> ids;
  ids.reserve(members.size());
  for (const PlannedMember& member : members) {
    ids.push_back(member.id);
  }
  return ids;
}

PlannedMember run(uint32_t id, uint64_t rows, uint64_t dead = 0) { return {id, true, rows, dead}; }

TEST(SealShare, OfNoRunsIsEmpty) { EXPECT_TRUE(seal_share({}, 1000, 10).empty()); }

TEST(SealShare, IsTheSmallestRunsUpToTheRows) {
  const std::vector<PlannedMember> runs = {run(1, 500), run(2, 100), run(3, 300), run(4, 200)};
  EXPECT_EQ(ids(seal_share(runs, 600, 10)), (std::vector<uint32_t>{2, 4, 3}));
  EXPECT_EQ(ids(seal_share(runs, 599, 10)), (std::vector<uint32_t>{2, 4}));
}

TEST(SealShare, IsOneRunAtLeast) {
  EXPECT_EQ(ids(seal_share({run(1, 5000), run(2, 4000)}, 1000, 10)), (std::vector<uint32_t>{2}));
}

TEST(SealShare, HasNoMoreRunsThanThereIsRoomFor) {
  const std::vector<PlannedMember> runs = {run(1, 1), run(2, 1), run(3, 1)};
  EXPECT_EQ(ids(seal_share(runs, 1000, 2)), (std::vector<uint32_t>{1, 2}));
  EXPECT_TRUE(seal_share(runs, 1000, 0).empty());
}

TEST(SealShare, CountsLiveRows) {
  EXPECT_EQ(ids(seal_share({run(1, 10), run(2, 1000, 1000)}, 5, 10)), (std::vector<uint32_t>{2}));
}

}  // namespace
}  // namespace vseg
