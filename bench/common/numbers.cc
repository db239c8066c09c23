#include "numbers.h"

#include <algorithm>
#include <sstream>
#include <stdexcept>

namespace vseg_bench {

size_t ParseCount(const std::string& text) {
  size_t used = 0;
  unsigned long value = 0;
  try {
    value = std::stoul(text, &used);
  } catch (const std::exception&) {
    used = 0;
  }
  if (used == 0 || used != text.size() || text[0] == '-') {
    throw std::runtime_error("not a whole number: \"" + text + "\"");
  }
  return value;
}

std::vector<std::string> Split(const std::string& text) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, ',');) {
    parts.push_back(part);
  }
  if (parts.empty()) {
    throw std::runtime_error("an empty list");
  }
  return parts;
}

std::vector<size_t> ParseCounts(const std::string& text) {
  std::vector<size_t> counts;
  for (const std::string& part : Split(text)) {
    counts.push_back(ParseCount(part));
  }
  std::sort(counts.begin(), counts.end());
  return counts;
}

std::vector<double> ParseNumbers(const std::string& text) {
  std::vector<double> numbers;
  for (const std::string& part : Split(text)) {
    size_t used = 0;
    double number = 0;
    try {
      number = std::stod(part, &used);
    } catch (const std::exception&) {
      used = 0;
    }
    if (used == 0 || used != part.size()) {
      throw std::runtime_error("not a number: \"" + part + "\"");
    }
    numbers.push_back(number);
  }
  return numbers;
}

}  // namespace vseg_bench
