// Command-line options: what to run, on which data, how often.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace vseg_bench {

struct Options {
  std::vector<std::string> commands;  // main.cc has them
  std::string data;                   // directory of base.fvecs, query.fvecs, gt_*.ivecs
  std::string query_name = "query";   // NAME of NAME.fvecs (DataSource)
  std::string metric = "l2";
  std::vector<std::string> indexes = {"vseg", "hnsw"};
  size_t rows = 0;  // 0: all
  size_t queries = 1000;
  std::vector<size_t> k = {10};  // rows asked for; all of them by search, else the first
  size_t repeat = 3;
  size_t m = 16;
  size_t ef_construction = 100;
  // Of the vector column; all of them for search, else the first.
  std::vector<std::string> storage = {"plain"};
  std::vector<size_t> ef_search = {10, 15, 20, 30, 40, 60, 80, 100, 150, 200, 300, 400, 600, 1000};
  std::vector<double> recall_targets = {0.95, 0.99};
  double until = 0.997;        // a curve ends at the first point with this recall
  size_t insert_rows = 10000;  // rows of the COPY and INSERT cases
  size_t commit_rows = 1000;   // rows of the single-commit cases
  std::vector<size_t> tail = {0, 1000, 10000, 50000};
  std::vector<size_t> scale_rows = {60000, 960000};
  std::vector<size_t> cold_ef = {10, 40, 100};
  size_t cold_queries = 100;
  size_t drop_caches = 0;  // 1: the operating system's too, before each cold query
  std::vector<size_t> size_dimensions = {50, 128, 384, 768, 1536, 3072};
  size_t size_rows = 10000;
  std::vector<size_t> plan_dimensions = {32, 128, 384, 768, 1536};
  std::vector<size_t> plan_rows = {500, 5000, 50000};
  std::vector<size_t> plan_tails = {0, 10, 40};  // percent of the rows
  // Of the LSM's life.
  size_t base_rows = 50000;  // in the index before burst, stream and phases
  std::vector<size_t> burst_rows = {10000, 50000};
  std::vector<size_t> clients = {1, 2, 4};
  size_t peer_rows = 1000;    // of burst into pgvector's index
  size_t peer_seconds = 120;  // after which sustained and vacuum take no more of pgvector
  size_t sustained_rows = 300000;
  size_t batch_rows = 10000;  // of a COPY of sustained and phases
  size_t duration = 0;        // seconds of stream and of the upload of phases; 0: 600 and 180
  size_t full_speed_seconds = 30;
  size_t stream_rate = 55;  // commits a second
  size_t generations = 100;
  size_t churn_rows = 50000;
  size_t vacuum_rows = 100000;
  std::vector<size_t> merge_factors = {2, 4, 8};
  size_t seals = 64;        // of amplification, each of vseg.tail_seal_rows
  std::string faiss_build;  // the FAISS baseline's program; empty: left out
  // Where search writes its curves, and an index's life its series, as tab-separated values: the
  // beginning of the files' names; empty: nowhere.
  std::string curve;
};

// Whether a command needs no data.
bool GeneratesItsRows(const std::string& command);

size_t LargestK(const Options& options);

// Throws std::runtime_error on what it does not understand.
Options ParseOptions(int argc, char** argv);
std::string Usage();

}  // namespace vseg_bench
