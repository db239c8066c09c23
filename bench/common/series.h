// What was measured over the time of a run.
#pragma once

#include <string>
#include <vector>

namespace vseg_bench {

// A moment of a run, or another place on a plot's x axis, and what was measured there.
struct Sample {
  double at;
  double value;
};

struct Series {
  std::string label;
  std::vector<Sample> samples;
};

// The values of the samples in [from, to).
std::vector<double> Values(const std::vector<Sample>& samples, double from, double to);

// The median of each `width` of the x axis that has samples, at its middle. REQUIRES: the samples
// are in ascending order.
std::vector<Sample> Medians(const std::vector<Sample>& samples, double width);

// As tab-separated values, for series.gnuplot; series without samples are left out. Throws
// std::runtime_error when the file cannot be written.
void WriteSeries(const std::string& path, const std::vector<Series>& series);

}  // namespace vseg_bench
