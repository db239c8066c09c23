// Distance kernels: the innermost loops of everything that compares two vectors.
//
// Written once with Highway and compiled for every instruction set it offers on this architecture
// (SSE4 to AVX-512 on x86-64); the best one the CPU has is chosen at run time. Nothing here depends
// on -march. Each kernel is tested against the scalar reference of distance_reference.h.
#ifndef VSEG_ENGINE_KERNELS_DISTANCE_H_
#define VSEG_ENGINE_KERNELS_DISTANCE_H_

#include <cstddef>
#include <cstdint>

namespace vseg {

// Compares two vectors of `n` floats; pointers need no alignment, n >= 0. Sums are kept in float,
// in an order that depends on the instruction set.
using FloatKernel = float (*)(const float* a, const float* b, size_t n);

// Compares two vectors of `n` bytes. The result is exact for n <= 16,000.
using ByteKernel = uint32_t (*)(const uint8_t* a, const uint8_t* b, size_t n);

struct DistanceKernels {
  FloatKernel l2_squared;      // sum (a[i] - b[i])^2
  FloatKernel inner_product;   // sum a[i] * b[i]
  FloatKernel l1;              // sum |a[i] - b[i]|
  ByteKernel byte_l2_squared;  // sum (a[i] - b[i])^2
  ByteKernel byte_l1;          // sum |a[i] - b[i]|
  const char* target;          // the instruction set's name, such as "AVX3" (Highway's words)
};

// The kernels for this CPU: chosen at the first call, the same object ever after. Safe from any
// thread once it has been called from one.
const DistanceKernels& distance_kernels();

}  // namespace vseg

#endif  // VSEG_ENGINE_KERNELS_DISTANCE_H_
