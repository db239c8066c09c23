// Command-line options: what to run, on which data, how often.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace vseg_bench {

struct Options {
  std::vector<std::string> commands;  // build, search, recall, tail, ingest
  std::string data;                   // directory of base.fvecs, query.fvecs, gt_*.ivecs
  std::string metric = "l2";
  std::vector<std::string> indexes = {"vseg", "hnsw"};
  size_t rows = 0;  // 0: all
  size_t queries = 1000;
  size_t k = 10;
  size_t repeat = 3;
  size_t m = 16;
  size_t ef_construction = 100;
  std::string storage = "plain";
  std::vector<size_t> ef_search = {10, 20, 30, 40, 60, 80, 100, 150, 200, 300, 400, 600, 1000};
  std::vector<double> recall_targets = {0.95, 0.99};
  size_t insert_rows = 10000;  // rows of the COPY and INSERT cases
  size_t commit_rows = 1000;   // rows of the single-commit cases
  std::vector<size_t> tail = {0, 1000, 10000, 50000};
  std::string faiss_build;  // the FAISS baseline's program; empty: left out
  std::string curve;  // where search writes its curves as tab-separated values; empty: nowhere
};

// Throws std::runtime_error on what it does not understand.
Options ParseOptions(int argc, char** argv);
std::string Usage();

}  // namespace vseg_bench
