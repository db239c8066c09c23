// Command-line options.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "dataset.h"
#include "engine.h"

namespace vseg_bench {

struct Options {
  DataSource data;
  std::vector<size_t> rows = {0};  // an index over each so many; 0: all
  std::vector<std::string> engines = {"vseg", "faiss", "hnswlib"};
  BuildSettings build;
  std::vector<size_t> k = {10};
  std::vector<size_t> ef_search = {1,  2,  3,   5,   7,   10,  15,  20,  30,  40,
                                   60, 80, 120, 160, 240, 320, 480, 640, 960, 1280};
  std::vector<double> recall_targets = {0.95, 0.99};
  double until = 0.995;  // a curve ends at the first point with this recall
  size_t repeat = 5;
  std::string peer_cache;  // directory to keep the peers' built indexes in; empty: nowhere
  std::string points;      // file of comma-separated values, a line a point; empty: nowhere
  std::string curve;       // curves are written to curve-kK.tsv; empty: nowhere
};

// Throws std::runtime_error on what it does not understand.
Options ParseOptions(int argc, char** argv);

}  // namespace vseg_bench
