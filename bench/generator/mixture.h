// Clustered vectors of low intrinsic dimension, as embeddings are: a mixture of clusters of very
// unequal size, each a flat patch of a few directions that matter less and less, blurred by noise
// in all dimensions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "random.h"
#include "vecs_file.h"

namespace vseg_bench {

// Lengths are in units of a patch's longest direction. With these defaults hnswlib (M = 16,
// efConstruction = 100) needs an ef of about 30 for a recall@10 of 0.95 and of about 80 for 0.99 in
// 60,000 rows of 128 dimensions.
struct MixtureShape {
  size_t dimensions = 128;
  uint32_t clusters = 300;
  uint32_t fewest_directions = 12;  // of a patch
  uint32_t most_directions = 24;
  float centers = 0.6F;  // standard deviation of centres along each of their own directions
  uint32_t center_directions = 20;
  float halving = 24.0F;  // the direction with half the variance of the first
  float noise = 2.0F;     // length
  float shift = 2.0F;     // length, of out-of-distribution queries
};

// A flat patch: a centre, and directions whose lengths fall.
struct Patch {
  std::vector<float> center;
  std::vector<float> directions;  // one after the other
};

class Mixture {
 public:
  Mixture(const MixtureShape& shape, uint64_t seed);

  void Draw(Random* random, float* vector) const;

  // Unlike the rows, as texts are that ask for images: between two of the clusters, along
  // directions that no cluster has, and all of them moved the same way.
  void DrawOutside(Random* random, float* vector) const;

 private:
  Patch MakePatch(Random* random, const std::vector<float>& frame) const;
  const Patch& Choose(Random* random) const;
  void AddPatch(const Patch& patch, Random* random, float* vector) const;

  MixtureShape shape_;
  std::vector<Patch> patches_;
  std::vector<double> shares_;  // cumulative, the last is 1
  std::vector<Patch> outside_;  // their centres are 0
  std::vector<float> shift_;
};

// `rows` draws of the mixture, the first ones the same however many follow.
Matrix<float> DrawRows(const Mixture& mixture, const MixtureShape& shape, size_t rows,
                       uint64_t seed);
Matrix<float> DrawOutsideRows(const Mixture& mixture, const MixtureShape& shape, size_t rows,
                              uint64_t seed);

}  // namespace vseg_bench
