// hnswlib, compiled for the CPU of this machine (-march=native): its distances choose their
// instructions when they are compiled.
#include <hnswlib/hnswlib.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "engine.h"

namespace vseg_bench {
namespace {

using Graph = hnswlib::HierarchicalNSW<float>;

class HnswlibEngine : public Engine {
 public:
  std::string label() const override { return "hnswlib"; }

  std::string simd() const override {
#if defined(USE_AVX512)
    return "native, AVX-512";
#elif defined(USE_AVX)
    return "native, AVX";
#elif defined(USE_SSE)
    return "native, SSE";
#else
    return "native";
#endif
  }

  void Build(const Matrix<float>& rows, const BuildSettings& settings) override {
    space_ = std::make_unique<hnswlib::L2Space>(rows.dim);
    graph_ = std::make_unique<Graph>(space_.get(), rows.rows, settings.m, settings.ef_construction);
    graph_->addPoint(rows.Row(0), 0);
    std::atomic<size_t> next = 1;
    std::vector<std::thread> threads;
    for (uint32_t i = 0; i < settings.threads; i++) {
      threads.emplace_back([&] {
        for (size_t row = next++; row < rows.rows; row = next++) {
          graph_->addPoint(rows.Row(row), row);
        }
      });
    }
    for (std::thread& thread : threads) {
      thread.join();
    }
  }

  size_t Bytes() const override {
    size_t upper = 0;
    for (size_t row = 0; row < graph_->cur_element_count; row++) {
      upper += sizeof(char*) +
               static_cast<size_t>(graph_->element_levels_[row]) * graph_->size_links_per_element_;
    }
    return graph_->cur_element_count * graph_->size_data_per_element_ + upper;
  }

  void Search(const Matrix<float>& queries, size_t k, size_t ef, int64_t* found) override {
    graph_->setEf(ef);
    for (size_t query = 0; query < queries.rows; query++) {
      auto nearest = graph_->searchKnn(queries.Row(query), k);
      int64_t* rows = found + query * k;
      std::fill(rows + nearest.size(), rows + k, -1);
      for (size_t i = nearest.size(); i-- > 0; nearest.pop()) {
        rows[i] = static_cast<int64_t>(nearest.top().second);
      }
    }
  }

  bool Save(const std::string& path) const override {
    graph_->saveIndex(path + ".hnswlib");
    return true;
  }

  bool Load(const std::string& path, const Matrix<float>& rows) override {
    std::string file = path + ".hnswlib";
    if (!std::ifstream(file)) {
      return false;
    }
    space_ = std::make_unique<hnswlib::L2Space>(rows.dim);
    graph_ = std::make_unique<Graph>(space_.get(), file);
    return true;
  }

 private:
  std::unique_ptr<hnswlib::L2Space> space_;
  std::unique_ptr<Graph> graph_;
};

}  // namespace

std::unique_ptr<Engine> MakeHnswlibEngine() { return std::make_unique<HnswlibEngine>(); }

}  // namespace vseg_bench
