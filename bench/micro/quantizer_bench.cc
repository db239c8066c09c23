// Times of the quantizer's parts, all data in cache, for every instruction set this CPU has.
// Arguments: the dimensions, and the instruction set (hwy's number, named in the label).
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include <benchmark/benchmark.h>

#include "engine/common/types.h"
#include "engine/quantizer/coded_query.h"
#include "engine/quantizer/edge_codes.h"
#include "engine/quantizer/every_target.h"
#include "engine/quantizer/rotation.h"

namespace vseg {
namespace {

constexpr uint32_t kDegree = 32;

uint32_t dimensions_of(const benchmark::State& state) {
  return static_cast<uint32_t>(state.range(0));
}

std::vector<float> random_vector(uint32_t n, unsigned seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal;
  std::vector<float> vector(n);
  for (float& x : vector) x = normal(generator);
  return vector;
}

void rotate(benchmark::State& state) {
  const ChosenTarget target(state.range(1));
  const Rotation rotation(dimensions_of(state));
  const std::vector<float> vector = random_vector(rotation.dimensions(), 1);
  std::vector<float> rotated(rotation.padded());
  for (auto _ : state) {
    rotation.apply(vector.data(), rotated.data());
    benchmark::DoNotOptimize(rotated.data());
    benchmark::ClobberMemory();
  }
  state.SetLabel(hwy::TargetName(state.range(1)));
}

void make_rotation(benchmark::State& state) {
  const ChosenTarget target(state.range(1));
  for (auto _ : state) benchmark::DoNotOptimize(Rotation(dimensions_of(state)));
  state.SetLabel(hwy::TargetName(state.range(1)));
}

// Everything a query pays before its first estimate, rotation included.
void make_query(benchmark::State& state) {
  const ChosenTarget target(state.range(1));
  const Rotation rotation(dimensions_of(state));
  const std::vector<float> query = random_vector(rotation.dimensions(), 1);
  for (auto _ : state) {
    const CodedQuery coded(rotation, kDegree, query.data());
    benchmark::DoNotOptimize(coded);
  }
  state.SetLabel(hwy::TargetName(state.range(1)));
}

// Of one edge; the area's start is spread over the degree.
void encode_edge(benchmark::State& state) {
  const ChosenTarget target(state.range(1));
  const uint32_t padded = padded_dimensions(dimensions_of(state));
  const std::vector<float> own = random_vector(padded, 1), neighbor = random_vector(padded, 2);
  std::vector<std::byte> area(edge_code_bytes(dimensions_of(state), kDegree));
  EdgeEncoder encoder(Metric::kL2, dimensions_of(state), kDegree);
  uint32_t lane = 0;
  for (auto _ : state) {
    if (lane++ % kDegree == 0) encoder.start(own.data(), area.data());
    encoder.add(neighbor.data());
    benchmark::ClobberMemory();
  }
  state.SetLabel(hwy::TargetName(state.range(1)));
}

void estimate_neighbors(benchmark::State& state, uint32_t degree) {
  const ChosenTarget target(state.range(1));
  const Rotation rotation(dimensions_of(state));
  const std::vector<float> own = random_vector(rotation.padded(), 1);
  std::vector<std::byte> area(edge_code_bytes(rotation.dimensions(), degree));
  EdgeEncoder encoder(Metric::kL2, rotation.dimensions(), degree);
  encoder.start(own.data(), area.data());
  for (uint32_t i = 0; i < degree; i++) {
    encoder.add(random_vector(rotation.padded(), i + 2).data());
  }
  const CodedQuery query(rotation, degree, random_vector(rotation.dimensions(), 99).data());
  std::vector<float> distances(degree);
  for (auto _ : state) {
    query.estimate(1, area.data(), degree, distances.data());
    benchmark::DoNotOptimize(distances.data());
    benchmark::ClobberMemory();
  }
  state.SetLabel(hwy::TargetName(state.range(1)));
}

void estimate_32(benchmark::State& state) { estimate_neighbors(state, 32); }
void estimate_16(benchmark::State& state) { estimate_neighbors(state, 16); }

void dimensions_and_targets(benchmark::internal::Benchmark* benchmark) {
  for (const int64_t target : hwy::SupportedAndGeneratedTargets()) {
    for (const int64_t dimensions : {50, 64, 128, 784, 1536}) {
      benchmark->Args({dimensions, target});
    }
  }
}

BENCHMARK(make_rotation)->Apply(dimensions_and_targets);
BENCHMARK(rotate)->Apply(dimensions_and_targets);
BENCHMARK(make_query)->Apply(dimensions_and_targets);
BENCHMARK(encode_edge)->Apply(dimensions_and_targets);
BENCHMARK(estimate_32)->Apply(dimensions_and_targets);
BENCHMARK(estimate_16)->Apply(dimensions_and_targets);

}  // namespace
}  // namespace vseg
