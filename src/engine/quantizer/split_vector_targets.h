// For tests: the kernels of every instruction set that the CPU has.
#ifndef VSEG_ENGINE_QUANTIZER_SPLIT_VECTOR_TARGETS_H_
#define VSEG_ENGINE_QUANTIZER_SPLIT_VECTOR_TARGETS_H_

#include <vector>

#include "engine/quantizer/split_vector.h"

namespace vseg {

struct SplitVectorKernels {
  void (*join_bytes)(const SplitScale& scale, const uint8_t* bytes, size_t n, float* vector);
  void (*join_vector)(const SplitScale& scale, const uint8_t* bytes, const uint16_t* remainders,
                      size_t n, float* vector);
};

std::vector<SplitVectorKernels> split_vector_kernels_of_all_targets();

}  // namespace vseg

#endif  // VSEG_ENGINE_QUANTIZER_SPLIT_VECTOR_TARGETS_H_
