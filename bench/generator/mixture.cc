#include "mixture.h"

#include <algorithm>
#include <cmath>

namespace vseg_bench {
namespace {

void AddScaled(const float* direction, float scale, size_t dimensions, float* sum) {
  for (size_t d = 0; d < dimensions; d++) {
    sum[d] += scale * direction[d];
  }
}

// Of a length near 1: random vectors of many dimensions are nearly as long as each other, and
// nearly orthogonal.
std::vector<float> RandomDirections(Random* random, size_t count, size_t dimensions) {
  float scale = 1 / std::sqrt(static_cast<float>(dimensions));
  std::vector<float> directions(count * dimensions);
  std::generate(directions.begin(), directions.end(), [&] { return random->Normal() * scale; });
  return directions;
}

// The i-th share is in proportion to 1 / (i + 10): the largest of 300 clusters has thirty times the
// rows of the smallest.
std::vector<double> PowerLawShares(uint32_t clusters) {
  constexpr uint32_t kFlattened = 10;
  std::vector<double> shares;
  double sum = 0;
  for (uint32_t i = 0; i < clusters; i++) {
    sum += 1.0 / (i + kFlattened);
    shares.push_back(sum);
  }
  for (double& share : shares) {
    share /= sum;
  }
  return shares;
}

}  // namespace

Mixture::Mixture(const MixtureShape& shape, uint64_t seed)
    : shape_(shape), shares_(PowerLawShares(shape.clusters)) {
  Random random(seed);
  // Centres have a few directions of their own: clusters touch, as in embeddings.
  std::vector<float> frame = RandomDirections(&random, shape.center_directions, shape.dimensions);
  for (uint32_t i = 0; i < shape.clusters; i++) {
    patches_.push_back(MakePatch(&random, frame));
  }
  for (uint32_t i = 0; i < shape.clusters; i++) {
    outside_.push_back(MakePatch(&random, {}));
  }
  shift_ = RandomDirections(&random, 1, shape.dimensions);
  for (float& value : shift_) {
    value *= shape.shift;
  }
}

Patch Mixture::MakePatch(Random* random, const std::vector<float>& frame) const {
  Patch patch;
  patch.center.resize(shape_.dimensions);
  for (size_t at = 0; at < frame.size(); at += shape_.dimensions) {
    AddScaled(frame.data() + at, shape_.centers * random->Normal(), shape_.dimensions,
              patch.center.data());
  }
  uint32_t choices = shape_.most_directions - shape_.fewest_directions + 1;
  size_t count = shape_.fewest_directions + random->Below(choices);
  patch.directions = RandomDirections(random, count, shape_.dimensions);
  for (size_t i = 0; i < count; i++) {
    float length = 1 / std::sqrt(1 + static_cast<float>(i) / shape_.halving);
    for (size_t d = 0; d < shape_.dimensions; d++) {
      patch.directions[i * shape_.dimensions + d] *= length;
    }
  }
  return patch;
}

const Patch& Mixture::Choose(Random* random) const {
  auto share = std::upper_bound(shares_.begin(), shares_.end(), random->Uniform());
  auto last = static_cast<std::ptrdiff_t>(patches_.size()) - 1;
  return patches_[static_cast<size_t>(std::min(share - shares_.begin(), last))];
}

void Mixture::AddPatch(const Patch& patch, Random* random, float* vector) const {
  for (size_t at = 0; at < patch.directions.size(); at += shape_.dimensions) {
    AddScaled(patch.directions.data() + at, random->Normal(), shape_.dimensions, vector);
  }
  float noise = shape_.noise / std::sqrt(static_cast<float>(shape_.dimensions));
  for (size_t d = 0; d < shape_.dimensions; d++) {
    vector[d] += noise * random->Normal();
  }
}

void Mixture::Draw(Random* random, float* vector) const {
  const Patch& patch = Choose(random);
  std::copy(patch.center.begin(), patch.center.end(), vector);
  AddPatch(patch, random, vector);
}

void Mixture::DrawOutside(Random* random, float* vector) const {
  std::copy(shift_.begin(), shift_.end(), vector);
  AddScaled(Choose(random).center.data(), 0.5F, shape_.dimensions, vector);
  AddScaled(Choose(random).center.data(), 0.5F, shape_.dimensions, vector);
  AddPatch(outside_[random->Below(shape_.clusters)], random, vector);
}

Matrix<float> DrawRows(const Mixture& mixture, const MixtureShape& shape, size_t rows,
                       uint64_t seed) {
  Matrix<float> matrix{rows, shape.dimensions, std::vector<float>(rows * shape.dimensions)};
  Random random(seed);
  for (size_t row = 0; row < rows; row++) {
    mixture.Draw(&random, matrix.Row(row));
  }
  return matrix;
}

Matrix<float> DrawOutsideRows(const Mixture& mixture, const MixtureShape& shape, size_t rows,
                              uint64_t seed) {
  Matrix<float> matrix{rows, shape.dimensions, std::vector<float>(rows * shape.dimensions)};
  Random random(seed);
  for (size_t row = 0; row < rows; row++) {
    mixture.DrawOutside(&random, matrix.Row(row));
  }
  return matrix;
}

}  // namespace vseg_bench
