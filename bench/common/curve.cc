#include "curve.h"

#include <algorithm>
#include <cmath>

namespace vseg_bench {

std::vector<CurvePoint> Frontier(std::vector<CurvePoint> points) {
  std::sort(points.begin(), points.end(), [](const CurvePoint& a, const CurvePoint& b) {
    return a.recall != b.recall ? a.recall > b.recall : a.us < b.us;
  });
  std::vector<CurvePoint> frontier;
  for (const CurvePoint& point : points) {
    if (frontier.empty() || point.us < frontier.back().us) {
      frontier.push_back(point);
    }
  }
  std::reverse(frontier.begin(), frontier.end());
  return frontier;
}

std::optional<double> TimeAtRecall(const std::vector<CurvePoint>& curve, double recall) {
  size_t i = 0;
  while (i < curve.size() && curve[i].recall < recall) {
    i++;
  }
  if (i == curve.size() || (i == 0 && curve[i].recall > recall)) {
    return std::nullopt;
  }
  if (i == 0) {
    return curve[i].us;
  }
  const CurvePoint& low = curve[i - 1];
  const CurvePoint& high = curve[i];
  double part = (recall - low.recall) / (high.recall - low.recall);
  return std::exp(std::log(low.us) + part * (std::log(high.us) - std::log(low.us)));
}

}  // namespace vseg_bench
