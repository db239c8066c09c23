// Curves of several indexes beside each other.
#pragma once

#include <string>
#include <vector>

#include "curve.h"

namespace vseg_bench {

struct LabelledCurve {
  std::string label;
  std::vector<CurvePoint> points;
};

// A table of the times at the wanted recalls, and at the smallest one that every curve has a time
// for where a wanted one is below it, with the ratios of the others' times to the first one's.
// Points that another beats in both recall and time do not count.
void PrintEqualRecall(std::vector<LabelledCurve> curves, std::vector<double> recalls);

// As tab-separated values, for curves.gnuplot.
void WriteCurves(const std::string& path, const std::vector<LabelledCurve>& curves);

}  // namespace vseg_bench
