// What codes and estimates must be, written as their definitions in double.
#ifndef VSEG_ENGINE_QUANTIZER_QUANTIZER_REFERENCE_H_
#define VSEG_ENGINE_QUANTIZER_QUANTIZER_REFERENCE_H_

#include <cmath>
#include <cstddef>
#include <vector>

namespace vseg {

// The code of a neighbour u of v, both rotated (see edge_codes.h for the symbols).
struct EdgeReference {
  EdgeReference(const std::vector<float>& v, const std::vector<float>& u) : signs(v.size()) {
    double magnitudes = 0;
    for (size_t i = 0; i < v.size(); i++) {
      const double r = static_cast<double>(u[i] - v[i]);
      signs[i] = r >= 0 ? 1 : -1;
      squares += r * r;
      magnitudes += std::fabs(r);
      signed_own += signs[i] * static_cast<double>(v[i]);
    }
    f = magnitudes > 0 ? squares / magnitudes : 0;
  }

  double signed_sum(const std::vector<float>& q) const {
    double sum = 0;
    for (size_t i = 0; i < q.size(); i++) sum += signs[i] * static_cast<double>(q[i]);
    return sum;
  }
  // From the rotated query and its exact distance to v.
  double l2_estimate(double own_distance, const std::vector<float>& q) const {
    return own_distance + (squares + 2 * f * signed_own) - 2 * f * signed_sum(q);
  }
  double inner_product_estimate(double own_distance, const std::vector<float>& q) const {
    return own_distance - f * signed_sum(q);
  }

  std::vector<double> signs;
  double squares = 0;
  double signed_own = 0;
  double f = 0;
};

}  // namespace vseg

#endif  // VSEG_ENGINE_QUANTIZER_QUANTIZER_REFERENCE_H_
