#include "engine/compaction/back_pressure.h"

#include <algorithm>
#include <cmath>

#include "engine/common/engine_only.h"

namespace vseg {
namespace {

constexpr double kSecond = 1e6;

// Rows a second that any machine seals: one core builds a graph of 784 dimensions at several
// thousand.
constexpr double kSlowestPace = 1000;

// The price half way up the slope holds a client to that.
constexpr double kMiddlePrice = kSecond / kSlowestPace;

// A client pays so much at a time that its statement takes less than a second. On the upper half of
// the slope that is more, twice as much where half of that is left: a tail that gets there has more
// clients, or longer statements, than such waits slow down, and they would else wait much longer at
// the stop threshold.
constexpr double kMostPaid = 0.8 * kSecond;
constexpr double kRaisedFrom = 0.5;
constexpr double kLongestPaid = 10 * kSecond;

constexpr double kFirstRetry = kSecond;
constexpr double kLastRetry = 600 * kSecond;

// The thresholds between which prices rise, and the one at which everybody waits.
struct Slope {
  uint64_t begin;
  uint64_t end;
  uint64_t stop;
};

// Half of the rows between slowdown and stop at least are left for slowing down, and half of these
// for the rows of a seal that leave the tail at its end.
Slope slope_of(const TailLimits& limits, uint64_t on_the_way) {
  const uint64_t slowdown = std::max(limits.slowdown, limits.seal);
  const uint64_t threshold = std::max(limits.stop, slowdown);
  const uint64_t stop = threshold - std::min(on_the_way, (threshold - slowdown) / 2);
  return {slowdown, stop - (stop - slowdown) / 2, stop};
}

// Where on the slope the tail is: 0 at its begin, 1 at its end.
double height_on(const Slope& slope, uint64_t rows) {
  if (rows <= slope.begin) {
    return 0;
  }
  if (rows >= slope.end) {
    return 1;
  }
  return static_cast<double>(rows - slope.begin) / static_cast<double>(slope.end - slope.begin);
}

double price_at(double height) {
  constexpr double kHighest = 0.99;
  const double x = std::min(height, kHighest);
  return kMiddlePrice * x / (1 - x);
}

double most_paid_at(double height) {
  const double left = std::max(1 - height, 1e-3) / (1 - kRaisedFrom);
  return kMostPaid * std::clamp(1 / left, 1.0, kLongestPaid / kMostPaid);
}

}  // namespace

BackPressure back_pressure(const TailState& tail, const TailLimits& limits) {
  const Slope slope = slope_of(limits, tail.on_the_way);
  if (limits.seal == 0 || tail.rows < slope.begin) {
    return {Admission::kNone, false, 0, 0};
  }
  const bool full = tail.rows >= slope.stop;
  const double height = height_on(slope, tail.rows - std::min(tail.rows, tail.sealed_ahead));
  const double price = price_at(height);
  switch (tail.sealers) {
    case Sealers::kNoRoom:
    case Sealers::kFailing:
      return {Admission::kCannotSeal, full, std::min(price, kMiddlePrice), kMostPaid};
    case Sealers::kNone:
      return {Admission::kNobodySealing, full, std::min(price, kMiddlePrice), kMostPaid};
    case Sealers::kAtWork:
      break;
  }
  return {full ? Admission::kStop : Admission::kSlowDown, full, price, most_paid_at(height)};
}

uint64_t slowdown_delay(const BackPressure& pressure, uint64_t rows) {
  return static_cast<uint64_t>(std::min(pressure.most, pressure.price * static_cast<double>(rows)));
}

uint64_t seal_share_rows(const TailLimits& limits, uint64_t on_the_way) {
  const Slope slope = slope_of(limits, on_the_way);
  return std::max(limits.seal, std::min(slope.begin, slope.stop - slope.end));
}

uint64_t sealed_ahead(const SealUnderWay& seal) {
  if (seal.elapsed <= 0) {
    return 0;
  }
  const double pace = seal.rows_per_second > 0 ? seal.rows_per_second : kSlowestPace;
  const double done = static_cast<double>(seal.elapsed) / kSecond * pace;
  return static_cast<uint64_t>(std::min(done, static_cast<double>(seal.rows)));
}

double seal_pace(double rows_per_second, uint64_t rows, uint64_t microseconds) {
  constexpr double kRowsOfOld = 10000;  // that what was known weighs as much as
  if (rows == 0 || microseconds == 0) {
    return rows_per_second;
  }
  const auto more = static_cast<double>(rows);
  const double seconds = static_cast<double>(microseconds) / kSecond;
  if (!(rows_per_second > 0)) {
    return more / seconds;
  }
  return (kRowsOfOld + more) / (kRowsOfOld / rows_per_second + seconds);
}

uint64_t retry_delay(uint32_t failures, uint64_t microseconds) {
  if (failures == 0) {
    return 0;
  }
  const double first = std::max(kFirstRetry, static_cast<double>(microseconds));
  return static_cast<uint64_t>(
      std::min(kLastRetry, std::ldexp(first, static_cast<int>(std::min(failures, 32U)) - 1)));
}

std::vector<PlannedMember> seal_share(const std::vector<PlannedMember>& runs, uint64_t rows,
                                      size_t most) {
  std::vector<PlannedMember> sorted = runs;
  std::sort(sorted.begin(), sorted.end(),
            [](const PlannedMember& a, const PlannedMember& b) { return a.id < b.id; });
  std::vector<PlannedMember> share;
  uint64_t sum = 0;
  for (const PlannedMember& run : sorted) {
    if (share.size() >= most) {
      break;
    }
    if (share.empty() || sum + run.live() <= rows) {
      sum += run.live();
      share.push_back(run);
    }
  }
  return share;
}

}  // namespace vseg
