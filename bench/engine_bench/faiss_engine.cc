// FAISS's IndexHNSW, hierarchy and search as the library has them, its distances by vseg's kernels:
// the distribution's FAISS is compiled for the oldest x86-64.
#include <faiss/IndexFlat.h>
#include <faiss/IndexHNSW.h>
#include <faiss/index_io.h>
#include <omp.h>

#include <fstream>
#include <utility>

#include "engine.h"
#include "engine/kernels/distance.h"

namespace vseg_bench {
namespace {

using faiss::Index;

class KernelDistances : public faiss::DistanceComputer {
 public:
  explicit KernelDistances(const faiss::IndexFlat& rows)
      : rows_(rows.get_xb()),
        dimensions_(static_cast<size_t>(rows.d)),
        kernel_(vseg::distance_kernels().l2_squared) {}

  void set_query(const float* query) override { query_ = query; }
  float operator()(Index::idx_t i) override { return kernel_(query_, row(i), dimensions_); }
  float symmetric_dis(Index::idx_t i, Index::idx_t j) override {
    return kernel_(row(i), row(j), dimensions_);
  }

 private:
  const float* row(Index::idx_t i) const { return rows_ + static_cast<size_t>(i) * dimensions_; }

  const float* rows_;
  size_t dimensions_;
  vseg::FloatKernel kernel_;
  const float* query_ = nullptr;
};

struct KernelFlat : faiss::IndexFlat {
  explicit KernelFlat(Index::idx_t dimensions) : IndexFlat(dimensions, faiss::METRIC_L2) {}
  faiss::DistanceComputer* get_distance_computer() const override {
    return new KernelDistances(*this);  // FAISS deletes it
  }
};

class FaissEngine : public Engine {
 public:
  std::string label() const override { return "FAISS IndexHNSW"; }
  std::string simd() const override { return vseg::distance_kernels().target; }

  void Build(const Matrix<float>& rows, const BuildSettings& settings) override {
    Make(rows.dim, settings.m);
    index_->hnsw.efConstruction = static_cast<int>(settings.ef_construction);
    omp_set_num_threads(static_cast<int>(settings.threads));
    index_->add(static_cast<Index::idx_t>(rows.rows), rows.values.data());
  }

  size_t Bytes() const override {
    const faiss::HNSW& hnsw = index_->hnsw;
    return rows_->codes.size() + hnsw.neighbors.size() * sizeof(hnsw.neighbors[0]) +
           hnsw.offsets.size() * sizeof(hnsw.offsets[0]) +
           hnsw.levels.size() * sizeof(hnsw.levels[0]);
  }

  // All queries in one call, which FAISS answers with one table of visited rows: a call for each
  // query would clear a new one every time.
  void Search(const Matrix<float>& queries, size_t k, size_t ef, int64_t* found) override {
    omp_set_num_threads(1);
    distances_.resize(queries.rows * k);
    index_->hnsw.efSearch = static_cast<int>(ef);
    index_->search(static_cast<Index::idx_t>(queries.rows), queries.values.data(),
                   static_cast<Index::idx_t>(k), distances_.data(), found);
  }

  bool Save(const std::string& path) const override {
    faiss::write_index(index_.get(), (path + ".faiss").c_str());
    return true;
  }

  bool Load(const std::string& path, const Matrix<float>& rows) override {
    std::string file = path + ".faiss";
    if (!std::ifstream(file)) {
      return false;
    }
    std::unique_ptr<Index> read(faiss::read_index(file.c_str()));
    auto& saved = dynamic_cast<faiss::IndexHNSWFlat&>(*read);
    Make(rows.dim, 2);
    std::swap(index_->hnsw, saved.hnsw);
    rows_->add(saved.ntotal, rows.values.data());
    index_->ntotal = saved.ntotal;
    return true;
  }

 private:
  // An index without rows.
  void Make(size_t dimensions, uint32_t m) {
    index_ =
        std::make_unique<faiss::IndexHNSWFlat>(static_cast<int>(dimensions), static_cast<int>(m));
    rows_ = std::make_unique<KernelFlat>(static_cast<Index::idx_t>(dimensions));
    delete index_->storage;
    index_->storage = rows_.get();
    index_->own_fields = false;
  }

  std::unique_ptr<KernelFlat> rows_;
  std::unique_ptr<faiss::IndexHNSWFlat> index_;
  std::vector<float> distances_;
};

}  // namespace

std::unique_ptr<Engine> MakeFaissEngine() { return std::make_unique<FaissEngine>(); }

}  // namespace vseg_bench
