#include <gtest/gtest.h>

#include <algorithm>
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
  Admission admission;
  bool full;
  double price;
};

class BackPressureTable : public testing::TestWithParam<Case> {};

TEST_P(BackPressureTable, GivesAdmissionAndPrice) {
  const Case& c = GetParam();
  const BackPressure pressure = back_pressure(c.tail, c.limits);
  EXPECT_EQ(pressure.admission, c.admission);
  EXPECT_EQ(pressure.full, c.full);
  EXPECT_NEAR(pressure.price, c.price, 1e-6);
}

constexpr auto kNone = Admission::kNone;
constexpr auto kSlow = Admission::kSlowDown;
constexpr auto kCannot = Admission::kCannotSeal;
constexpr auto kNobody = Admission::kNobodySealing;
constexpr auto kStop = Admission::kStop;
constexpr auto kAtWork = Sealers::kAtWork;
constexpr auto kNoSealer = Sealers::kNone;
constexpr auto kNoRoom = Sealers::kNoRoom;
constexpr auto kFailing = Sealers::kFailing;
constexpr double kHighest = 99000;

// The slope is from 100,000 rows to 250,000, half way to where inserters stop.
const Case kCases[] = {
    {"Empty", {0, 0, 0, kNoSealer}, kLimits, kNone, false, 0},
    {"BelowSlowdown", {99999, 0, 0, kNoSealer}, kLimits, kNone, false, 0},
    {"BelowSlowdownWithoutRoom", {99999, 0, 0, kNoRoom}, kLimits, kNone, false, 0},
    {"AtSlowdownSealing", {100000, 0, 0, kAtWork}, kLimits, kSlow, false, 0},
    {"AtSlowdownNobodySeals", {100000, 0, 0, kNoSealer}, kLimits, kNobody, false, 0},
    {"ThirdOfTheWay", {150000, 0, 0, kAtWork}, kLimits, kSlow, false, 500},
    {"HalfWay", {175000, 0, 0, kAtWork}, kLimits, kSlow, false, 1000},
    {"HalfWayNobodySeals", {175000, 0, 0, kNoSealer}, kLimits, kNobody, false, 1000},
    {"HalfWayWithoutRoom", {175000, 0, 0, kNoRoom}, kLimits, kCannot, false, 1000},
    {"WithoutRoomThePriceHasAnEnd", {249999, 0, 0, kNoRoom}, kLimits, kCannot, false, 1000},
    {"FailingThePriceHasAnEnd", {249999, 0, 0, kFailing}, kLimits, kCannot, false, 1000},
    {"EndOfTheSlope", {250000, 0, 0, kAtWork}, kLimits, kSlow, false, kHighest},
    {"WhatIsSealedByNowCostsNothing", {250000, 75000, 0, kAtWork}, kLimits, kSlow, false, 1000},
    {"AllIsSealedByNow", {250000, 250000, 0, kAtWork}, kLimits, kSlow, false, 0},
    {"AtStop", {400000, 0, 0, kAtWork}, kLimits, kStop, true, kHighest},
    {"AtStopWhateverIsSealedByNow", {400000, 400000, 0, kAtWork}, kLimits, kStop, true, 0},
    {"AtStopNobodySeals", {400000, 0, 0, kNoSealer}, kLimits, kNobody, true, 1000},
    {"AtStopWithoutRoomIsNeverStopped", {400000, 0, 0, kNoRoom}, kLimits, kCannot, true, 1000},
    {"FarBeyondStop", {4000000000, 0, 0, kAtWork}, kLimits, kStop, true, kHighest},
    {"NeverSealed", {400000, 0, 0, kNoSealer}, {0, 100000, 400000}, kNone, false, 0},
    {"SlowdownBelowSeal", {9999, 0, 0, kNoSealer}, {10000, 10, 400000}, kNone, false, 0},
    {"SlowdownCountsAsSeal", {10000, 0, 0, kNoSealer}, {10000, 10, 400000}, kNobody, false, 0},
    {"StopBelowSlowdown", {99999, 0, 0, kNoSealer}, {10000, 100000, 5}, kNone, false, 0},
    {"StopCountsAsSlowdown", {100000, 0, 0, kAtWork}, {10000, 100000, 5}, kStop, true, 0},
    {"OnTheWayToStop", {299999, 0, 100000, kAtWork}, kLimits, kSlow, false, kHighest},
    {"AtStopWithWhatIsOnTheWay", {300000, 0, 100000, kAtWork}, kLimits, kStop, true, kHighest},
    {"HalfIsLeftForSlowingDown", {249999, 0, 300000, kAtWork}, kLimits, kSlow, false, kHighest},
};

INSTANTIATE_TEST_SUITE_P(Table, BackPressureTable, testing::ValuesIn(kCases),
                         [](const auto& info) { return info.param.name; });

TEST(BackPressure, NeitherPriceNorLongestWaitFallsAsTheTailGrows) {
  for (const uint64_t ahead : {0, 20000, 90000}) {
    double price = 0, most = 0;
    for (uint64_t rows = 100000; rows <= 410000; rows += 100) {
      const BackPressure pressure = back_pressure({rows, ahead, 50000, kAtWork}, kLimits);
      EXPECT_GE(pressure.price, price) << rows;
      EXPECT_GE(pressure.most, most) << rows;
      price = pressure.price, most = pressure.most;
    }
  }
}

TEST(BackPressure, AWaitIsASecondAtMostOnTheLowerHalfOfTheSlope) {
  auto most_at = [](uint64_t rows) { return back_pressure({rows, 0, 0, kAtWork}, kLimits).most; };
  EXPECT_EQ(most_at(100000), 8e5);
  EXPECT_EQ(most_at(175000), 8e5);
  EXPECT_NEAR(most_at(212500), 1.6e6, 1);
  EXPECT_EQ(most_at(250000), 10e6);
  EXPECT_EQ(most_at(399999), 10e6);
}

TEST(SlowdownDelay, GrowsWithRowsAndPriceUpToTheLongest) {
  auto at = [](double price) { return BackPressure{kSlow, false, price, 1e6}; };
  EXPECT_EQ(slowdown_delay(at(0), 1000), 0u);
  EXPECT_EQ(slowdown_delay(at(500), 1), 500u);
  EXPECT_EQ(slowdown_delay(at(500), 100), 50000u);
  EXPECT_EQ(slowdown_delay(at(1000), std::numeric_limits<uint64_t>::max()), 1000000u);
  EXPECT_EQ(slowdown_delay({kNone, false, 0, 0}, 1000), 0u);
}

TEST(SealShareRows, LeaveRoomForWhatComesMeanwhile) {
  EXPECT_EQ(seal_share_rows(kLimits, 0), 100000u);
  EXPECT_EQ(seal_share_rows(kLimits, 125000), 87500u);
  EXPECT_EQ(seal_share_rows({10000, 20000, 25000}, 0), 10000u);
  EXPECT_EQ(seal_share_rows({10000, 1, 1}, 0), 10000u);
}

TEST(SealedAhead, GoesByThePaceOfSealsBefore) {
  EXPECT_EQ(sealed_ahead({2000000, 50000, 5000}), 10000u);
  EXPECT_EQ(sealed_ahead({20000000, 50000, 5000}), 50000u);
  EXPECT_EQ(sealed_ahead({2000000, 50000, 0}), 2000u);
  EXPECT_EQ(sealed_ahead({0, 50000, 5000}), 0u);
  EXPECT_EQ(sealed_ahead({-1, 50000, 5000}), 0u);
}

TEST(SealPace, FollowsLargeSealsAndHardlySmallOnes) {
  EXPECT_EQ(seal_pace(0, 50000, 10000000), 5000);
  EXPECT_EQ(seal_pace(5000, 0, 10000000), 5000);
  EXPECT_EQ(seal_pace(5000, 10, 0), 5000);
  EXPECT_NEAR(seal_pace(5000, 10, 1000000), 3336, 1);
  EXPECT_NEAR(seal_pace(5000, 100000, 50000000), 2115, 1);
}

TEST(RetryDelay, DoublesFromASecondOrTheTimeTheJobTookUpToTenMinutes) {
  EXPECT_EQ(retry_delay(0, 5000000), 0u);
  EXPECT_EQ(retry_delay(1, 0), 1000000u);
  EXPECT_EQ(retry_delay(2, 0), 2000000u);
  EXPECT_EQ(retry_delay(5, 0), 16000000u);
  EXPECT_EQ(retry_delay(1, 20000000), 20000000u);
  EXPECT_EQ(retry_delay(3, 20000000), 80000000u);
  EXPECT_EQ(retry_delay(11, 0), 600000000u);
  EXPECT_EQ(retry_delay(4000000000, 4000000000), 600000000u);
}

// Clients that insert as fast as they are let, and a worker that seals a share at a time.
struct Load {
  const char* name;
  int clients;
  uint64_t rows;           // of a statement
  double insert_seconds;   // that it takes when it need not wait
  double rows_per_second;  // that are sealed
};

struct Outcome {
  double longest = 0;  // wait of a statement, in seconds
  uint64_t longest_tail = 0;
  uint64_t rows = 0;
};

// By events, in order of time: the end of a seal or the turn of a client. `from`: what counts.
Outcome simulate(const Load& load, double from, double until) {
  const uint64_t on_the_way = 125000;
  const uint64_t share = seal_share_rows(kLimits, on_the_way);
  Outcome outcome;
  uint64_t tail = 0, sealing = 0;
  double pace = 0, begun = 0;
  std::vector<double> turn(static_cast<size_t>(load.clients), 0.0);
  std::vector<double> since(turn);  // when it asked first
  std::vector<bool> owes(turn.size());
  for (;;) {
    const auto next = std::min_element(turn.begin(), turn.end());
    const auto client = static_cast<size_t>(next - turn.begin());
    const double sealed_at = begun + static_cast<double>(sealing) / load.rows_per_second;
    if (sealing > 0 && sealed_at <= *next) {
      pace = seal_pace(pace, sealing, static_cast<uint64_t>((sealed_at - begun) * 1e6));
      tail -= sealing;
      begun = sealed_at;
      sealing = tail >= kLimits.seal ? std::min(tail, share) : 0;
      continue;
    }
    const double now = *next;
    if (now >= until) {
      return outcome;
    }
    if (sealing == 0 && tail >= kLimits.seal) {
      begun = now;
      sealing = std::min(tail, share);
    }
    const uint64_t ahead = sealed_ahead({static_cast<int64_t>((now - begun) * 1e6), sealing, pace});
    const BackPressure pressure = back_pressure({tail, ahead, on_the_way, kAtWork}, kLimits);
    if (pressure.admission == kStop) {
      *next = now + 0.1;
      continue;
    }
    if (!owes[client]) {
      owes[client] = true;
      *next = now + static_cast<double>(slowdown_delay(pressure, load.rows)) / 1e6;
      if (*next > now) {
        continue;
      }
    }
    owes[client] = false;
    tail += load.rows;
    if (now >= from) {
      outcome.longest = std::max(outcome.longest, now - since[client]);
      outcome.longest_tail = std::max(outcome.longest_tail, tail);
      outcome.rows += load.rows;
    }
    *next = since[client] = now + load.insert_seconds;
  }
}

class Slope : public testing::TestWithParam<Load> {};

// What they can expect: when all clients wait a second for each statement, and rows are sealed no
// more slowly than that, nobody waits longer.
TEST_P(Slope, AdmitsRowsAsTheyAreSealed) {
  const Load& load = GetParam();
  const Outcome outcome = simulate(load, 60, 660);
  EXPECT_LT(outcome.longest_tail, kLimits.stop);
  const double fair =
      static_cast<double>(load.clients) * static_cast<double>(load.rows) / load.rows_per_second;
  EXPECT_LE(outcome.longest, fair < 0.8 ? 1.0001 : std::max(1.0001, 2.5 * fair + 0.1));
  // As many as are sealed, or as the clients have.
  const double most =
      std::min(load.rows_per_second, static_cast<double>(load.clients) *
                                         static_cast<double>(load.rows) / load.insert_seconds);
  EXPECT_GE(static_cast<double>(outcome.rows), 0.85 * 600 * most);
}

const Load kLoads[] = {
    {"OneClient", 1, 5000, 0.06, 6500},
    {"OneFastClient", 1, 5000, 0.001, 6500},
    {"OneClientOfWideRows", 1, 1000, 0.02, 2500},
    {"FourClients", 4, 5000, 0.1, 6500},
    {"FourClientsOfFewRows", 4, 1000, 0.02, 6500},
    {"SixteenClients", 16, 5000, 0.3, 6500},
    {"SixteenClientsOfSingleRows", 16, 1, 0.0005, 6500},
    {"ManyClients", 64, 100, 0.01, 6500},
    {"SlowSealer", 1, 5000, 0.06, 1200},
    {"FastSealer", 4, 5000, 0.06, 50000},
    {"SealerKeepsUp", 1, 100, 0.1, 6500},
};

INSTANTIATE_TEST_SUITE_P(Loads, Slope, testing::ValuesIn(kLoads),
                         [](const auto& info) { return info.param.name; });

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

TEST(SealShare, IsTheOldestRunsAndWhatFitsWithThem) {
  const std::vector<PlannedMember> runs = {run(4, 500), run(2, 100), run(1, 300), run(3, 200)};
  EXPECT_EQ(ids(seal_share(runs, 600, 10)), (std::vector<uint32_t>{1, 2, 3}));
  EXPECT_EQ(ids(seal_share(runs, 599, 10)), (std::vector<uint32_t>{1, 2}));
  EXPECT_EQ(ids(seal_share(runs, 950, 10)), (std::vector<uint32_t>{1, 2, 3}));
  EXPECT_EQ(ids(seal_share(runs, 1100, 10)), (std::vector<uint32_t>{1, 2, 3, 4}));
  EXPECT_EQ(ids(seal_share({run(1, 300), run(2, 400), run(3, 200)}, 600, 10)),
            (std::vector<uint32_t>{1, 3}));
}

TEST(SealShare, LeavesNoLongRunBehind) {
  EXPECT_EQ(ids(seal_share({run(1, 120000), run(2, 1), run(3, 2)}, 10000, 10)),
            (std::vector<uint32_t>{1}));
}

TEST(SealShare, HasNoMoreRunsThanThereIsRoomFor) {
  const std::vector<PlannedMember> runs = {run(1, 1), run(2, 1), run(3, 1)};
  EXPECT_EQ(ids(seal_share(runs, 1000, 2)), (std::vector<uint32_t>{1, 2}));
  EXPECT_TRUE(seal_share(runs, 1000, 0).empty());
}

TEST(SealShare, CountsLiveRows) {
  EXPECT_EQ(ids(seal_share({run(1, 1000, 1000), run(2, 5), run(3, 1)}, 5, 10)),
            (std::vector<uint32_t>{1, 2}));
}

}  // namespace
}  // namespace vseg
