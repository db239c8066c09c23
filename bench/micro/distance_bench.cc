// Time of one distance, both vectors in cache, for every instruction set this CPU has. Arguments:
// the dimensions, and the instruction set's place in distance_kernels_of_all_targets().
#include <cstdint>
#include <random>
#include <vector>

#include <benchmark/benchmark.h>

#include "engine/kernels/distance.h"
#include "engine/kernels/distance_targets.h"

namespace vseg {
namespace {

template <class T, class Kernel>
void time_kernel(benchmark::State& state, Kernel DistanceKernels::*kernel_of_target) {
  const DistanceKernels kernels =
      distance_kernels_of_all_targets()[static_cast<size_t>(state.range(1))];
  const Kernel kernel = kernels.*kernel_of_target;
  const size_t n = static_cast<size_t>(state.range(0));
  std::mt19937 generator(1);
  std::vector<T> a(n), b(n);
  for (size_t i = 0; i < n; i++) {
    a[i] = static_cast<T>(generator() % 256);
    b[i] = static_cast<T>(generator() % 256);
  }
  for (auto _ : state) {
    benchmark::DoNotOptimize(a.data());
    benchmark::DoNotOptimize(kernel(a.data(), b.data(), n));
  }
  state.SetLabel(kernels.target);
}

void dimensions_and_targets(benchmark::internal::Benchmark* benchmark) {
  const size_t targets = distance_kernels_of_all_targets().size();
  for (size_t target = 0; target < targets; target++) {
    for (const int64_t dimensions : {50, 128, 768, 784, 1536}) {
      benchmark->Args({dimensions, static_cast<int64_t>(target)});
    }
  }
}

void l2_squared(benchmark::State& state) {
  time_kernel<float>(state, &DistanceKernels::l2_squared);
}
void inner_product(benchmark::State& state) {
  time_kernel<float>(state, &DistanceKernels::inner_product);
}
void l1(benchmark::State& state) { time_kernel<float>(state, &DistanceKernels::l1); }
void byte_l2_squared(benchmark::State& state) {
  time_kernel<uint8_t>(state, &DistanceKernels::byte_l2_squared);
}
void byte_l1(benchmark::State& state) { time_kernel<uint8_t>(state, &DistanceKernels::byte_l1); }

BENCHMARK(l2_squared)->Apply(dimensions_and_targets);
BENCHMARK(inner_product)->Apply(dimensions_and_targets);
BENCHMARK(l1)->Apply(dimensions_and_targets);
BENCHMARK(byte_l2_squared)->Apply(dimensions_and_targets);
BENCHMARK(byte_l1)->Apply(dimensions_and_targets);

}  // namespace
}  // namespace vseg
