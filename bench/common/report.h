// Markdown output.
#pragma once

#include <set>
#include <string>
#include <vector>

namespace vseg_bench {

class Table {
 public:
  explicit Table(std::vector<std::string> header) : header_(std::move(header)) {}
  void Row(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  // Prints the table with aligned columns and an empty line after it.
  void Print() const;

 private:
  std::vector<std::string> header_;
  std::vector<std::vector<std::string>> rows_;
};

// What the server said during measurements, each thing once.
class Notices {
 public:
  void Add(const std::string& label, const std::vector<std::string>& notices);
  void Print() const;

 private:
  std::set<std::string> lines_;
};

void Heading(const std::string& text);
void Paragraph(const std::string& text);
// Progress, on standard error: the report goes to standard output.
void Progress(const std::string& text);

// A number with so many digits after the point.
std::string Number(double value, int digits);
std::string Megabytes(double bytes);

double Median(std::vector<double> values);
// The value that so many percent are not above.
double Percentile(std::vector<double> values, size_t percent);
// "median (smallest-largest)".
std::string Spread(const std::vector<double>& values, int digits);

}  // namespace vseg_bench
