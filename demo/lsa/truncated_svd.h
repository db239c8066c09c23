// The leading part of the singular value decomposition of a large sparse matrix.
#ifndef VSEG_DEMO_LSA_TRUNCATED_SVD_H_
#define VSEG_DEMO_LSA_TRUNCATED_SVD_H_

#include <vector>

#include "demo/lsa/sparse_matrix.h"

namespace vseg::demo {

// A ~ U * diag(singular_values) * right^T; U is not computed: A * right gives U * diag.
struct TruncatedSvd {
  std::vector<float> singular_values;  // falling
  DenseMatrix right;                   // columns of A x rank, orthonormal columns
};

// The `rank` largest singular values of A and their right vectors, by a randomized range finder
// with subspace iteration (Halko, Martinsson, Tropp, SIAM Review 53(2), 2011, algorithms 4.4 and
// 5.1). Deterministic. REQUIRES: rank <= the smaller side of A.
TruncatedSvd truncated_svd(const SparseMatrix& a, size_t rank);

}  // namespace vseg::demo

#endif  // VSEG_DEMO_LSA_TRUNCATED_SVD_H_
