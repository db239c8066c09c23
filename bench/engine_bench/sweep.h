// Recall and time of all contenders over ef_search.
#pragma once

#include <optional>
#include <vector>

#include "contender.h"
#include "options.h"

namespace vseg_bench {

struct Point {
  size_t contender;
  size_t ef;
  double recall;
  std::vector<double> us;  // a query, of each repeat
  std::optional<PagesRead> pages;
};

// By ascending ef, contenders beside each other. At each ef a pass for the recall comes first, then
// the repeats of all contenders in turns, the order reversed each time. A contender leaves when it
// has reached the recall `until` with an ef of at least k.
std::vector<Point> Sweep(const Options& options, const std::vector<Contender>& contenders,
                         size_t k);

}  // namespace vseg_bench
