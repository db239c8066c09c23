#include "demo/lsa/truncated_svd.h"

#include <cblas.h>

#include <algorithm>
#include <random>
#include <stdexcept>
#include <string>

// LAPACK, which OpenBLAS brings without a C header of its own in Debian's serial package.
extern "C" {
void sgelqf_(const int* m, const int* n, float* a, const int* lda, float* tau, float* work,
             const int* lwork, int* info);
void sorglq_(const int* m, const int* n, const int* k, float* a, const int* lda, const float* tau,
             float* work, const int* lwork, int* info);
void sgesdd_(const char* jobz, const int* m, const int* n, float* a, const int* lda, float* s,
             float* u, const int* ldu, float* vt, const int* ldvt, float* work, const int* lwork,
             int* iwork, int* info);
}

namespace vseg::demo {
namespace {

// More columns than asked for, and two rounds of iteration: the paper's sections 4.2 and 4.5 (the
// spectrum of a term-document matrix falls slowly).
constexpr size_t kOversampling = 20;
constexpr int kIterations = 2;

void check(int info, const char* routine) {
  if (info != 0)
    throw std::runtime_error(std::string(routine) + " failed, info " + std::to_string(info));
}

// Orthonormalizes the columns of `block` in place and returns L, columns x columns, column-major
// and lower triangular, such that old block = new block * L^T. A row-major block is, to LAPACK's
// column-major eyes, its transpose, so the QR factorization of the block is an LQ factorization.
std::vector<float> orthonormalize(DenseMatrix* block) {
  const int m = static_cast<int>(block->columns);
  const int n = static_cast<int>(block->rows);
  int info = 0;
  std::vector<float> tau(m);
  std::vector<float> work(static_cast<size_t>(m) * 64);
  const int lwork = static_cast<int>(work.size());
  sgelqf_(&m, &n, block->values.data(), &m, tau.data(), work.data(), &lwork, &info);
  check(info, "sgelqf");
  std::vector<float> lower(static_cast<size_t>(m) * m);
  for (int column = 0; column < m; ++column) {
    for (int row = column; row < m; ++row) {
      lower[column * m + row] = block->values[static_cast<size_t>(column) * m + row];
    }
  }
  sorglq_(&m, &n, &m, block->values.data(), &m, tau.data(), work.data(), &lwork, &info);
  check(info, "sorglq");
  return lower;
}

DenseMatrix gaussian(size_t rows, size_t columns) {
  DenseMatrix block(rows, columns);
  std::mt19937 generator(1);
  std::normal_distribution<float> normal;
  for (float& value : block.values) value = normal(generator);
  return block;
}

// The SVD of a small matrix, square and column-major: singular values and V^T, column-major.
struct SmallSvd {
  std::vector<float> values;
  std::vector<float> right_transposed;
};

SmallSvd small_svd(std::vector<float> matrix, int n) {
  const size_t size = static_cast<size_t>(n) * n;
  SmallSvd svd{std::vector<float>(n), std::vector<float>(size)};
  std::vector<float> u(size);
  std::vector<float> work(8 * size + 16 * static_cast<size_t>(n));
  std::vector<int> iwork(8 * static_cast<size_t>(n));
  const int lwork = static_cast<int>(work.size());
  int info = 0;
  sgesdd_("A", &n, &n, matrix.data(), &n, svd.values.data(), u.data(), &n,
          svd.right_transposed.data(), &n, work.data(), &lwork, iwork.data(), &info);
  check(info, "sgesdd");
  return svd;
}

}  // namespace

TruncatedSvd truncated_svd(const SparseMatrix& a, size_t rank) {
  const SparseMatrix a_transposed = a.transposed();
  const size_t k = std::min(rank + kOversampling, std::min(a.rows(), a.columns()));

  // Range finder: the columns of `left` come to span the leading left singular vectors.
  DenseMatrix left = a.times(gaussian(a.columns(), k));
  orthonormalize(&left);
  for (int i = 0; i < kIterations; ++i) {
    DenseMatrix right = a_transposed.times(left);
    orthonormalize(&right);
    left = a.times(right);
    orthonormalize(&left);
  }

  // A ~ left * (A^T left)^T, and A^T left = basis * L^T, so A ~ left * L * basis^T: the SVD of the
  // small L gives that of A.
  DenseMatrix basis = a_transposed.times(left);
  const SmallSvd small = small_svd(orthonormalize(&basis), static_cast<int>(k));
  DenseMatrix right(a.columns(), rank);
  // right = basis * V. V^T column-major is V row-major.
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, static_cast<int>(right.rows),
              static_cast<int>(rank), static_cast<int>(k), 1.0F, basis.values.data(),
              static_cast<int>(k), small.right_transposed.data(), static_cast<int>(k), 0.0F,
              right.values.data(), static_cast<int>(rank));
  return {{small.values.begin(), small.values.begin() + static_cast<std::ptrdiff_t>(rank)},
          std::move(right)};
}

}  // namespace vseg::demo
