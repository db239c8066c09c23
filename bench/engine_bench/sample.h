// The first rows of a data set, what is asked of them, and the exact answers.
#pragma once

#include "dataset.h"

namespace vseg_bench {

struct Sample {
  // Vectors are brought to unit length for cosine. largest_k: of exact answers.
  Sample(Dataset sample_data, size_t largest_k);
  Sample(const Sample&) = delete;
  Sample& operator=(const Sample&) = delete;

  Dataset data;
  ExactAnswers exact;
};

}  // namespace vseg_bench
