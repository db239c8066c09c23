// What a scan looks for, and how its rows come back.
#ifndef VSEG_ENGINE_SEARCH_QUERY_H_
#define VSEG_ENGINE_SEARCH_QUERY_H_

#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <vector>

#include "engine/common/types.h"
#include "engine/kernels/distance.h"
#include "engine/quantizer/coded_query.h"

namespace vseg {

// A row found: its engine distance (see Metric) and where the heap has it.
struct Hit {
  float distance;
  Tid tid;
};

// A query vector (unit length under kCosine) and its distance to rows.
class Query {
 public:
  Query(Metric metric, const float* vector, uint32_t dimensions);

  Metric metric() const { return metric_; }
  const float* vector() const { return vector_.data(); }
  uint32_t dimensions() const { return static_cast<uint32_t>(vector_.size()); }

  // Never NaN, which heaps and sorts cannot order, nor +infinity: where sums of huge elements
  // overflow, the row is as far away as a float can say.
  float distance(const float* row) const {
    float value = kernel_(vector_.data(), row, vector_.size());
    value = negate_ ? -value : value;
    return value <= kFarthest ? value : kFarthest;
  }

  // As the codes of node blocks of that degree are compared with it. Made when it is first asked
  // for: most segments of an index share it. Valid as long as the query and its copies.
  const CodedQuery& coded(uint32_t degree) const;

 private:
  static constexpr float kFarthest = std::numeric_limits<float>::max();

  Metric metric_;
  std::vector<float> vector_;
  FloatKernel kernel_;
  bool negate_;
  mutable std::map<uint32_t, std::shared_ptr<const CodedQuery>> coded_;  // by degree
};

enum class IterativeScan : uint8_t {
  kOff,           // at most the first ef_search rows
  kRelaxedOrder,  // as long as asked; rows are returned as soon as they are found
  kStrictOrder,   // as long as asked; rows are held back until a search for more confirms them
};

// How a graph segment is searched.
enum class SegmentSearchMode : uint8_t {
  kAuto,   // as prefers_scan has it
  kGraph,  // by a walk of its graph
  kRows,   // by comparing all live rows
};

struct ScanOptions {
  uint32_t ef_search = 40;  // > 0
  IterativeScan iterative = IterativeScan::kStrictOrder;
  SegmentSearchMode segments = SegmentSearchMode::kAuto;
};

}  // namespace vseg

#endif  // VSEG_ENGINE_SEARCH_QUERY_H_
