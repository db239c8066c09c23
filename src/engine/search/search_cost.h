// What a search is expected to take, by what the directory lists: the model behind the planner's
// choice.
#ifndef VSEG_ENGINE_SEARCH_SEARCH_COST_H_
#define VSEG_ENGINE_SEARCH_SEARCH_COST_H_

#include <cstdint>

#include "engine/common/types.h"
#include "engine/format/metapage_format.h"

namespace vseg {

// A member of the directory, as far as its cost depends on it.
struct MemberSize {
  bool has_graph;      // a segment; else an append chain or flat run
  uint64_t rows;       // dead ones included
  uint64_t dead_rows;  // as far as they are counted: those of chains and runs are not
};

struct IndexSize {
  uint32_t dimensions;
  Metric metric;
  uint32_t m;
  uint32_t member_count = 0;
  MemberSize members[kMaxDirectoryEntries] = {};

  void add(const MemberSize& member) { members[member_count++] = member; }
  double live_rows() const;
};

struct SearchCost {
  double steps = 0;       // nodes of graphs expanded
  double rows = 0;        // vectors compared that no graph leads to
  double code_bytes = 0;  // of appended rows
  double pages = 0;       // of all this
  double microseconds = 0;
};

// A scan from its start until it has returned `wanted` rows, every page in memory. At least one row
// is wanted; more than there are cost as much as all. A pure function. More rows wanted never cost
// less, nor, as long as these are no more than ef, does another chain or a longer one.
SearchCost search_cost(const IndexSize& index, uint32_t ef, double wanted);

}  // namespace vseg

#endif  // VSEG_ENGINE_SEARCH_SEARCH_COST_H_
