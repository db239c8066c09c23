// When jobs reuse displaced space, and when merges wait for it.
#include "engine/compaction/space_policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vseg {
namespace {

constexpr uint32_t kNow = 1000000;
constexpr uint32_t kDelay = 60;

DisplacedSpace displaced(uint32_t age, uint32_t pages) {
  DisplacedSpace space{};
  space.pages = pages;
  space.displaced_at = kNow - age;
  return space;
}

size_t reused(const std::vector<DisplacedSpace>& removable, uint64_t live, uint64_t waiting,
              uint32_t delay = kDelay) {
  return members_to_reuse(removable, {live, waiting, kNow, delay});
}

TEST(SpacePolicy, LeavesAloneWhatIsYoung) {
  EXPECT_EQ(reused({displaced(59, 1u << 16)}, 0, 1u << 16), 0u);
  EXPECT_EQ(reused({displaced(60, 1u << 16)}, 0, 1u << 16), 1u);
}

TEST(SpacePolicy, ReusesInBatchesOfAFifth) {
  const uint64_t live = 100000;
  const DisplacedSpace old = displaced(100, 7000);
  EXPECT_EQ(reused({old, old, old}, live, 21000), 0u);
  EXPECT_EQ(reused({old, old, old, displaced(100, 24)}, live, 21024), 4u);
}

TEST(SpacePolicy, ReusesAllThatIsOldEnoughAndNothingBehind) {
  EXPECT_EQ(reused({displaced(100, 4096), displaced(61, 64), displaced(59, 64), displaced(70, 64)},
                   0, 4288),
            2u);
}

TEST(SpacePolicy, ReusesTheOldestWhereTooMuchWaits) {
  const uint64_t live = kFreelyWaitingPages;
  const auto quarter = static_cast<uint32_t>(live / 2);
  const std::vector<DisplacedSpace> young(5, displaced(1, quarter));
  EXPECT_EQ(reused(young, live, 4 * uint64_t{quarter}), 0u);
  // Down to half of what may wait.
  EXPECT_EQ(reused(young, live, 5 * uint64_t{quarter}), 3u);
  EXPECT_EQ(reused({young[0]}, live, 5 * uint64_t{quarter}), 1u) << "as far as it is removable";
}

TEST(SpacePolicy, WithoutADelayReusesEverything) {
  EXPECT_EQ(reused({displaced(0, 64), displaced(0, 64)}, 1u << 20, 128, 0), 2u);
  EXPECT_EQ(reused({}, 0, 0, 0), 0u);
}

TEST(SpacePolicy, AClockSetBackMakesNothingYoung) {
  DisplacedSpace space = displaced(0, 1u << 16);
  space.displaced_at = kNow + 5000;
  EXPECT_EQ(reused({space}, 0, 1u << 16), 1u);
}

TEST(SpacePolicy, MergesWaitBeyondTwiceTheIndex) {
  EXPECT_FALSE(merges_must_wait(0, kFreelyWaitingPages));
  EXPECT_TRUE(merges_must_wait(0, kFreelyWaitingPages + 1));
  EXPECT_FALSE(merges_must_wait(1000, kFreelyWaitingPages + 2000));
  EXPECT_TRUE(merges_must_wait(1000, kFreelyWaitingPages + 2001));
}

}  // namespace
}  // namespace vseg
