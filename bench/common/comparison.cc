#include "comparison.h"

#include <algorithm>
#include <fstream>
#include <optional>
#include <stdexcept>
#include <utility>

#include "report.h"

namespace vseg_bench {
namespace {

std::string TimeText(const std::vector<CurvePoint>& curve, double recall) {
  if (std::optional<double> us = TimeAtRecall(curve, recall)) {
    return Number(*us, 1);
  }
  if (!curve.empty() && curve.front().recall > recall) {
    return "below " + Number(curve.front().us, 1) + " (" + Number(curve.front().recall, 4) + ")";
  }
  return "not reached";
}

// Where even the cheapest point of the first curve is beyond the recall, its time there is no more
// than that point's: the ratio is at least what follows from it.
std::string RatioText(const std::vector<CurvePoint>& other, const std::vector<CurvePoint>& first,
                      double recall) {
  std::optional<double> others = TimeAtRecall(other, recall);
  std::optional<double> firsts = TimeAtRecall(first, recall);
  bool beyond = !firsts && !first.empty() && first.front().recall > recall;
  if (!others || (!firsts && !beyond)) {
    return "-";
  }
  return beyond ? ">= " + Number(*others / first.front().us, 2) + "x"
                : Number(*others / *firsts, 2) + "x";
}

void AddSmallestCommonRecall(const std::vector<LabelledCurve>& curves,
                             std::vector<double>* recalls) {
  double smallest = 0;
  for (const LabelledCurve& curve : curves) {
    smallest = std::max(smallest, curve.points.empty() ? 0 : curve.points.front().recall);
  }
  if (smallest > *std::min_element(recalls->begin(), recalls->end())) {
    recalls->push_back(smallest);
    std::sort(recalls->begin(), recalls->end());
  }
}

}  // namespace

void PrintEqualRecall(std::vector<LabelledCurve> curves, std::vector<double> recalls) {
  for (LabelledCurve& curve : curves) {
    curve.points = Frontier(std::move(curve.points));
  }
  AddSmallestCommonRecall(curves, &recalls);
  std::vector<std::string> header = {"recall"};
  for (const LabelledCurve& curve : curves) {
    header.push_back(curve.label + ", us a query");
  }
  for (size_t i = 1; i < curves.size(); i++) {
    header.push_back(curves[i].label + " / " + curves[0].label);
  }
  Table table(header);
  for (double recall : recalls) {
    std::vector<std::string> row = {Number(recall, 4)};
    for (const LabelledCurve& curve : curves) {
      row.push_back(TimeText(curve.points, recall));
    }
    for (size_t i = 1; i < curves.size(); i++) {
      row.push_back(RatioText(curves[i].points, curves[0].points, recall));
    }
    table.Row(row);
  }
  table.Print();
}

void WriteCurves(const std::string& path, const std::vector<LabelledCurve>& curves) {
  std::ofstream file(path);
  for (const LabelledCurve& curve : curves) {
    // A block's first line is its title, blocks are two empty lines apart: gnuplot's index.
    file << "\"" << curve.label << "\"\n";
    for (const CurvePoint& point : curve.points) {
      file << point.recall << '\t' << 1e6 / point.us << '\t' << point.ef << '\n';
    }
    file << "\n\n";
  }
  file.close();
  if (!file) {
    throw std::runtime_error("cannot write " + path);
  }
}

}  // namespace vseg_bench
