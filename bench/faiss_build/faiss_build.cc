// Times the construction of FAISS's IndexHNSWFlat over a file of vectors in memory. Prints the
// seconds of add(), which copies the vectors and builds the graph, and nothing else.
#include <faiss/IndexHNSW.h>
#include <faiss/utils/distances.h>
#include <omp.h>

#include <chrono>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string>

#include "vecs_file.h"

namespace {

using vseg_bench::Matrix;

// Cosine is the inner product of normalized vectors, the way FAISS's documentation gives it.
double BuildSeconds(Matrix<float>* base, faiss::MetricType metric, int m, int ef_construction) {
  faiss::IndexHNSWFlat index(static_cast<int>(base->dim), m, metric);
  index.hnsw.efConstruction = ef_construction;
  if (metric == faiss::METRIC_INNER_PRODUCT) {
    faiss::fvec_renorm_L2(base->dim, base->rows, base->values.data());
  }
  auto start = std::chrono::steady_clock::now();
  index.add(static_cast<faiss::Index::idx_t>(base->rows), base->values.data());
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

int Number(const char* text) {
  int value = std::stoi(text);
  if (value < 0) {
    throw std::runtime_error(std::string("not a count: ") + text);
  }
  return value;
}

void Run(int argc, char** argv) {
  if (argc != 7) {
    throw std::runtime_error(
        "usage: vseg_faiss_build BASE.fvecs l2|cosine M EF_CONSTRUCTION THREADS ROWS (0: all)");
  }
  std::string metric = argv[2];
  if (metric != "l2" && metric != "cosine") {
    throw std::runtime_error("metric must be l2 or cosine");
  }
  omp_set_num_threads(Number(argv[5]));
  Matrix<float> base = vseg_bench::ReadFvecs(argv[1], static_cast<size_t>(Number(argv[6])));
  printf("%.3f\n",
         BuildSeconds(&base, metric == "l2" ? faiss::METRIC_L2 : faiss::METRIC_INNER_PRODUCT,
                      Number(argv[3]), Number(argv[4])));
}

}  // namespace

int main(int argc, char** argv) {
  try {
    Run(argc, argv);
  } catch (const std::exception& error) {
    fprintf(stderr, "vseg_faiss_build: %s\n", error.what());
    return 1;
  }
  return 0;
}
