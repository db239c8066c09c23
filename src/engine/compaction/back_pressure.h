// When inserters have to wait for sealing, and what they do meanwhile: pure functions of the tail.
#ifndef VSEG_ENGINE_COMPACTION_BACK_PRESSURE_H_
#define VSEG_ENGINE_COMPACTION_BACK_PRESSURE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/compaction/merge_planner.h"

namespace vseg {

// The tail: append chains and flat runs, at all of whose rows a search looks.
struct TailState {
  uint64_t rows;
  uint64_t on_the_way;  // that other writers may have admitted and not appended yet
  bool sealing;         // somebody is at it, or was just asked to
  bool has_room;        // the directory takes what a seal makes
};

// In rows. A threshold that is lower than the one before it counts as that one.
struct TailLimits {
  uint64_t seal;      // from here on the tail is sealed; 0: never, and nobody is held up
  uint64_t slowdown;  // from here on inserters are slowed down
  uint64_t stop;      // never reached: with what is on the way to it they wait
};

enum class Pressure : uint8_t { kNone, kSlowDown, kStop };

enum class PressureCause : uint8_t {
  kNone,
  kSealerBehind,  // somebody is sealing, more slowly than rows come
  kNoSealer,      // nobody is: the inserter seals
  kNoRoom,        // nobody can, while the directory is full
};

struct BackPressure {
  Pressure state;
  PressureCause cause;
  double excess;  // how far the tail is on the way from slowdown to where they wait, 0..1
};

// Half of the rows between slowdown and stop at least are left for slowing down. Without room
// waiting does not shorten the tail: then inserters are slowed down as far as they ever are, but
// never stopped.
BackPressure back_pressure(const TailState& tail, const TailLimits& limits);

// Microseconds that `rows` rows are slowed down by.
uint64_t slowdown_delay(const BackPressure& pressure, uint64_t rows);

// What an inserter seals itself: the smallest runs, as many as have `rows` rows together, but at
// least one and at most `most`. So it is held up for about as long as a seal of `rows` rows takes.
std::vector<PlannedMember> seal_share(const std::vector<PlannedMember>& runs, uint64_t rows,
                                      size_t most);

}  // namespace vseg

#endif  // VSEG_ENGINE_COMPACTION_BACK_PRESSURE_H_
