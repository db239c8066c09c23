// What the distance kernels must compute, written as their definitions and summed in double.
#ifndef VSEG_ENGINE_KERNELS_DISTANCE_REFERENCE_H_
#define VSEG_ENGINE_KERNELS_DISTANCE_REFERENCE_H_

#include <cmath>
#include <cstddef>

namespace vseg {

// T is float or uint8_t; the byte results are exact.
template <class T>
double l2_squared_reference(const T* a, const T* b, size_t n) {
  double sum = 0;
  for (size_t i = 0; i < n; i++) {
    const double difference = static_cast<double>(a[i]) - static_cast<double>(b[i]);
    sum += difference * difference;
  }
  return sum;
}

template <class T>
double inner_product_reference(const T* a, const T* b, size_t n) {
  double sum = 0;
  for (size_t i = 0; i < n; i++) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return sum;
}

template <class T>
double l1_reference(const T* a, const T* b, size_t n) {
  double sum = 0;
  for (size_t i = 0; i < n; i++) {
    sum += std::fabs(static_cast<double>(a[i]) - static_cast<double>(b[i]));
  }
  return sum;
}

}  // namespace vseg

#endif  // VSEG_ENGINE_KERNELS_DISTANCE_REFERENCE_H_
