// Recall and time of all contenders over ef_search.
#pragma once

#include <optional>
#include <vector>

#include "contender.h"
#include "dataset.h"
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
// has reached the recall `until`.
std::vector<Point> Sweep(const Options& options, const Dataset& data, const ExactAnswers& exact,
                         std::vector<Contender>* contenders, size_t k);

}  // namespace vseg_bench
