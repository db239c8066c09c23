// A curve of time over recall and what can be read from it.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

namespace vseg_bench {

struct CurvePoint {
  size_t ef;
  double recall;
  double us;  // a query
};

// The points that no other beats in both recall and time, by ascending recall.
std::vector<CurvePoint> Frontier(std::vector<CurvePoint> points);

// Microseconds a query at the recall, by linear interpolation of log(time) over recall between the
// first point that reaches it and the one before. Empty when no point reaches it or the first is
// beyond it already. `curve` is a frontier.
std::optional<double> TimeAtRecall(const std::vector<CurvePoint>& curve, double recall);

}  // namespace vseg_bench
