// Every compiled variant of the distance kernels, for tests and benchmarks.
#ifndef VSEG_ENGINE_KERNELS_DISTANCE_TARGETS_H_
#define VSEG_ENGINE_KERNELS_DISTANCE_TARGETS_H_

#include <vector>

#include "engine/kernels/distance.h"

namespace vseg {

// The kernels of each instruction set that was compiled and that this CPU has, best first. Not safe
// while another thread makes the first call of distance_kernels().
std::vector<DistanceKernels> distance_kernels_of_all_targets();

}  // namespace vseg

#endif  // VSEG_ENGINE_KERNELS_DISTANCE_TARGETS_H_
