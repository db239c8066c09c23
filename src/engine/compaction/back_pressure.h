// When inserters have to wait for sealing, and for how long: pure functions of the tail.
#ifndef VSEG_ENGINE_COMPACTION_BACK_PRESSURE_H_
#define VSEG_ENGINE_COMPACTION_BACK_PRESSURE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/compaction/merge_planner.h"

namespace vseg {

// Who makes segments of the tail.
enum class Sealers : uint8_t {
  kAtWork,   // somebody is at it, or was just asked to
  kNone,     // no worker is free: an inserter has to do it
  kNoRoom,   // nobody can: the directory does not take what a seal makes
  kFailing,  // jobs have failed; the next one is started after a while
};

// The tail: append chains and flat runs, at all of whose rows a search looks.
struct TailState {
  uint64_t rows;
  uint64_t sealed_ahead;  // of these, what the seal under way has done by now: sealed_ahead()
  uint64_t on_the_way;    // that other writers may have admitted and not appended yet
  Sealers sealers;
};

// In rows. A threshold that is lower than the one before it counts as that one.
struct TailLimits {
  uint64_t seal;      // from here on the tail is sealed; 0: never, and nobody is held up
  uint64_t slowdown;  // from here on inserters pay for their rows by waiting
  uint64_t stop;      // never reached: with what is on the way to it they wait
};

// What an inserter has to do before it may add rows, from the least to the most.
enum class Admission : uint8_t {
  kNone,           // go on
  kSlowDown,       // pay: somebody is sealing, more slowly than rows come
  kCannotSeal,     // pay, and go on whatever the tail: waiting does not make it shorter
  kNobodySealing,  // seal a share, or pay
  kStop,           // wait until the tail is shorter
};

// What rows cost that an inserter has added. The price is a slope: it begins with 0 at the slowdown
// threshold and has no end before the stop threshold, so that rows come as fast as they are sealed
// somewhere in between, however many clients there are.
struct BackPressure {
  Admission admission;
  bool full;     // the tail has reached the stop threshold
  double price;  // microseconds a row
  double most;   // microseconds that one inserter pays at a time
};

BackPressure back_pressure(const TailState& tail, const TailLimits& limits);

// Microseconds to wait for `rows` rows.
uint64_t slowdown_delay(const BackPressure& pressure, uint64_t rows);

// Rows that one seal takes, so that the tail gets shorter while inserters wait for it to, and has
// room between the thresholds for what comes meanwhile.
uint64_t seal_share_rows(const TailLimits& limits, uint64_t on_the_way);

// A seal that is under way, by the clock in microseconds.
struct SealUnderWay {
  int64_t elapsed;
  uint64_t rows;
  double rows_per_second;  // of seals before it; 0: unknown, but not slow
};

// Rows of it that are done by now, if it is as fast as seals before. Its rows leave the tail all at
// once, in the end; inserters pay by this instead, lest prices rise and fall with each seal.
uint64_t sealed_ahead(const SealUnderWay& seal);

// The pace of seals after one more, which took so many microseconds: an average in which late and
// large seals count most.
double seal_pace(double rows_per_second, uint64_t rows, uint64_t microseconds);

// Microseconds until the next attempt at a job that has failed so many times in a row, the last
// time after `microseconds` of work. Doubles from time to time, up to ten minutes.
uint64_t retry_delay(uint32_t failures, uint64_t microseconds);

// What is sealed at a time: runs in the order in which they were listed, so that none is left
// behind; the first one in any case, then what fits into `rows` rows in all, `most` runs at most.
std::vector<PlannedMember> seal_share(const std::vector<PlannedMember>& runs, uint64_t rows,
                                      size_t most);

}  // namespace vseg

#endif  // VSEG_ENGINE_COMPACTION_BACK_PRESSURE_H_
