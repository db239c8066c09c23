#include "engine/compaction/back_pressure.h"

#include <algorithm>

#include "engine/common/engine_only.h"

namespace vseg {
namespace {

// At the stop threshold a client is held to 1,000 rows a second, which any machine seals: one core
// builds a graph of 784 dimensions at several thousand rows a second.
constexpr double kMicrosecondsPerRow = 1000;

// One delay at most: a statement that has to be slowed down more meets the next one soon.
constexpr double kMaxDelay = 5e6;

PressureCause cause_of(const TailState& tail) {
  if (tail.sealing) {
    return PressureCause::kSealerBehind;
  }
  return tail.has_room ? PressureCause::kNoSealer : PressureCause::kNoRoom;
}

}  // namespace

BackPressure back_pressure(const TailState& tail, const TailLimits& limits) {
  const uint64_t slowdown = std::max(limits.slowdown, limits.seal);
  const uint64_t threshold = std::max(limits.stop, slowdown);
  const uint64_t stop = threshold - std::min(tail.on_the_way, (threshold - slowdown) / 2);
  if (limits.seal == 0 || tail.rows < slowdown) {
    return {Pressure::kNone, PressureCause::kNone, 0};
  }
  const PressureCause cause = cause_of(tail);
  if (tail.rows >= stop) {
    return {cause == PressureCause::kNoRoom ? Pressure::kSlowDown : Pressure::kStop, cause, 1};
  }
  return {Pressure::kSlowDown, cause,
          static_cast<double>(tail.rows - slowdown) / static_cast<double>(stop - slowdown)};
}

uint64_t slowdown_delay(const BackPressure& pressure, uint64_t rows) {
  return static_cast<uint64_t>(
      std::min(kMaxDelay, pressure.excess * kMicrosecondsPerRow * static_cast<double>(rows)));
}

std::vector<PlannedMember> seal_share(const std::vector<PlannedMember>& runs, uint64_t rows,
                                      size_t most) {
  std::vector<PlannedMember> sorted = runs;
  std::stable_sort(
      sorted.begin(), sorted.end(),
      [](const PlannedMember& a, const PlannedMember& b) { return a.live() < b.live(); });
  std::vector<PlannedMember> share;
  uint64_t sum = 0;
  for (const PlannedMember& run : sorted) {
    sum += run.live();
    if (share.size() >= most || (!share.empty() && sum > rows)) {
      break;
    }
    share.push_back(run);
  }
  return share;
}

}  // namespace vseg
