#include "report.h"

#include <algorithm>
#include <cstdio>
#include <stdexcept>

namespace vseg_bench {
namespace {

void PrintRow(const std::vector<std::string>& cells, const std::vector<size_t>& widths) {
  for (size_t i = 0; i < widths.size(); i++) {
    printf("| %-*s ", static_cast<int>(widths[i]), cells[i].c_str());
  }
  printf("|\n");
}

}  // namespace

void Table::Print() const {
  std::vector<size_t> widths(header_.size(), 3);
  std::vector<std::vector<std::string>> lines = rows_;
  lines.insert(lines.begin(), header_);
  for (const auto& line : lines) {
    if (line.size() != header_.size()) {
      throw std::logic_error("a table row differs from its header in length");
    }
    for (size_t i = 0; i < line.size(); i++) {
      widths[i] = std::max(widths[i], line[i].size());
    }
  }
  PrintRow(header_, widths);
  std::vector<std::string> rule;
  rule.reserve(widths.size());
  for (size_t width : widths) {
    rule.emplace_back(width, '-');
  }
  PrintRow(rule, widths);
  for (const auto& row : rows_) {
    PrintRow(row, widths);
  }
  printf("\n");
  fflush(stdout);
}

void Notices::Add(const std::string& label, const std::vector<std::string>& notices) {
  for (const std::string& notice : notices) {
    std::string line = label;
    line.append(": ").append(notice);
    std::replace(line.begin(), line.end(), '\n', ' ');
    lines_.insert(line);
  }
}

void Notices::Print() const {
  for (const std::string& line : lines_) {
    Paragraph("The server said of " + line);
  }
}

void Heading(const std::string& text) { printf("## %s\n\n", text.c_str()); }

void Paragraph(const std::string& text) {
  printf("%s\n\n", text.c_str());
  fflush(stdout);
}

void Progress(const std::string& text) { fprintf(stderr, "... %s\n", text.c_str()); }

std::string Number(double value, int digits) {
  char buffer[64];
  snprintf(buffer, sizeof(buffer), "%.*f", digits, value);
  return buffer;
}

std::string Megabytes(double bytes) { return Number(bytes / (1024 * 1024), 1); }

double Median(std::vector<double> values) {
  if (values.empty()) {
    throw std::logic_error("the median of nothing");
  }
  std::sort(values.begin(), values.end());
  size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

double Percentile(std::vector<double> values, size_t percent) {
  if (values.empty()) {
    throw std::logic_error("a percentile of nothing");
  }
  std::sort(values.begin(), values.end());
  return values[std::min(values.size() - 1, values.size() * percent / 100)];
}

std::string Spread(const std::vector<double>& values, int digits) {
  std::string text = Number(Median(values), digits);
  if (values.size() > 1) {
    auto [smallest, largest] = std::minmax_element(values.begin(), values.end());
    text += " (" + Number(*smallest, digits) + "-" + Number(*largest, digits) + ")";
  }
  return text;
}

}  // namespace vseg_bench
