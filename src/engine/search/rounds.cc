#include "engine/search/rounds.h"

#include <algorithm>
#include <iterator>

#include "engine/common/engine_only.h"

namespace vseg {
namespace {

// And then twice as many each time. From 40 to 120 rows at once: most scans that go on want more
// than 40.
constexpr uint64_t kRungs[] = {5, 10, 20, 40, 120};

// The greatest rung up to that; 1 below the first.
uint64_t rung_below(uint64_t rows) {
  uint64_t below = 1;
  for (uint64_t rung = kRungs[0]; rung <= rows; rung = rows_of_next_round(rung)) {
    below = rung;
  }
  return below;
}

}  // namespace

uint64_t rows_of_next_round(uint64_t rows) {
  for (uint64_t rung : kRungs) {
    if (rows < rung) {
      return rung;
    }
  }
  uint64_t rung = *std::rbegin(kRungs);
  while (rung <= rows) {
    rung *= 2;
  }
  return rung;
}

// Rounds after the first also compare rows that they do not expand, which makes them surer of what
// they have found.
uint64_t confirmed_rows(uint64_t searched_for, uint32_t ef_search) {
  constexpr double kFirst = 0.6;
  constexpr double kLater = 0.85;
  const double share = searched_for == ef_search ? kFirst : kLater;
  const auto rows = static_cast<double>(rung_below(searched_for));
  return std::max<uint64_t>(1, static_cast<uint64_t>(share * rows));
}

}  // namespace vseg
