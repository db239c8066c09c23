#include "series.h"

#include <cmath>
#include <cstdio>
#include <fstream>
#include <limits>
#include <stdexcept>

#include "report.h"

namespace vseg_bench {

std::vector<double> Values(const std::vector<Sample>& samples, double from, double to) {
  std::vector<double> values;
  for (const Sample& sample : samples) {
    if (sample.at >= from && sample.at < to) {
      values.push_back(sample.value);
    }
  }
  return values;
}

std::vector<Sample> Medians(const std::vector<Sample>& samples, double width) {
  std::vector<Sample> medians;
  size_t begin = 0;
  while (begin < samples.size()) {
    double from = std::floor(samples[begin].at / width) * width;
    std::vector<double> values;
    for (; begin < samples.size() && samples[begin].at < from + width; begin++) {
      values.push_back(samples[begin].value);
    }
    medians.push_back({from + width / 2, Median(values)});
  }
  return medians;
}

void WriteSeries(const std::string& path, const std::vector<Series>& series) {
  std::ofstream file(path);
  for (const Series& one : series) {
    if (one.samples.empty()) {
      continue;
    }
    file << "at\t\"" << one.label << "\"\n";
    for (const Sample& sample : one.samples) {
      file << Number(sample.at, 3) << '\t' << Number(sample.value, 3) << '\n';
    }
    file << "\n\n";
  }
  if (!file.flush()) {
    throw std::runtime_error(path + " cannot be written");
  }
}

}  // namespace vseg_bench
