// Counts what building graphs costs.
#ifndef VSEG_ENGINE_GRAPH_BUILD_WORK_H_
#define VSEG_ENGINE_GRAPH_BUILD_WORK_H_

#include <cstdint>

#include "engine/common/types.h"
#include "engine/graph/row_store.h"

namespace vseg {

// What a build has done, in all threads together.
struct BuildWork {
  uint64_t inserted_rows = 0;  // into layer 0, by search; not those whose lists were known
  uint64_t distances = 0;      // between two rows
};

// The distances of one thread's rows, counted.
class CountedDistances {
 public:
  explicit CountedDistances(const RowStore& rows) : rows_(rows) {}

  float operator()(Ordinal i, Ordinal j) const {
    ++count_;
    return rows_.distance(i, j);
  }
  uint64_t count() const { return count_; }

 private:
  const RowStore& rows_;
  mutable uint64_t count_ = 0;  // looking at a distance changes nothing else
};

}  // namespace vseg

#endif  // VSEG_ENGINE_GRAPH_BUILD_WORK_H_
