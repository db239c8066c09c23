// Numbers and lists of them on a command line. All throw std::runtime_error for anything else.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace vseg_bench {

size_t ParseCount(const std::string& text);
// At commas; at least one part.
std::vector<std::string> Split(const std::string& text);
// Ascending.
std::vector<size_t> ParseCounts(const std::string& text);
std::vector<double> ParseNumbers(const std::string& text);

}  // namespace vseg_bench
