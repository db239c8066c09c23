// What is compared in process: an index over rows in memory, searched by one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "vecs_file.h"

namespace vseg_bench {

struct BuildSettings {
  uint32_t m = 16;
  uint32_t ef_construction = 100;
  uint32_t threads = 2;
};

// What a query reads, on average.
struct PagesRead {
  double pins;       // pages asked for
  double distinct;   // different pages
  double node_pins;  // of pins, those of nodes: a row that is expanded is one
};

// Rows are compared by squared L2; for cosine rows and queries have unit length.
class Engine {
 public:
  virtual ~Engine() = default;

  virtual std::string label() const = 0;
  // The instruction set of its distances.
  virtual std::string simd() const = 0;
  // `rows` stay where they are as long as the engine.
  virtual void Build(const Matrix<float>& rows, const BuildSettings& settings) = 0;
  // Memory of the finished index, vectors included.
  virtual size_t Bytes() const = 0;
  // The smallest ef_search with which k rows can be had.
  virtual size_t SmallestEf(size_t k) const { return k; }
  // Numbers of the k nearest rows found for every query, nearest first, -1 where there are fewer,
  // at `found`, k for each query.
  virtual void Search(const Matrix<float>& queries, size_t k, size_t ef, int64_t* found) = 0;
  // What the same search reads, where that is in pages.
  virtual std::optional<PagesRead> CountPages(const Matrix<float>& /*queries*/, size_t /*k*/,
                                              size_t /*ef*/) {
    return std::nullopt;
  }
  // Saves a finished index and takes it up again, where the engine can. `path` has no suffix.
  virtual bool Save(const std::string& /*path*/) const { return false; }
  virtual bool Load(const std::string& /*path*/, const Matrix<float>& /*rows*/) { return false; }
};

std::unique_ptr<Engine> MakeVsegEngine();
std::unique_ptr<Engine> MakeFaissEngine();
// Only where hnswlib's headers were found: VSEG_BENCH_HNSWLIB is defined then.
std::unique_ptr<Engine> MakeHnswlibEngine();

}  // namespace vseg_bench
