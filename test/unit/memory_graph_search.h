// Best-first search over a graph in memory: what a segment's cursor does, without pages.
#ifndef VSEG_TEST_UNIT_MEMORY_GRAPH_SEARCH_H_
#define VSEG_TEST_UNIT_MEMORY_GRAPH_SEARCH_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <queue>
#include <utility>
#include <vector>

#include "engine/graph/graph.h"

namespace vseg {

struct SearchCounts {
  size_t distances = 0;  // rows compared with the query
  size_t hops = 0;       // rows whose lists were read
};

class MemoryGraphSearch {
 public:
  using Hit = std::pair<float, Ordinal>;

  explicit MemoryGraphSearch(const Graph& graph) : graph_(graph), visited_(graph.rows, 0) {}

  // The ef nearest rows found, nearest first. `distance` maps an ordinal to the query's distance.
  template <typename Distance>
  std::vector<Hit> search(const Distance& distance, size_t ef, SearchCounts* counts = nullptr) {
    SearchCounts done;
    Nearest found;
    Farthest frontier;
    ++stamp_;
    auto see = [&](Ordinal row) {
      if (visited_[row] == stamp_) {
        return;
      }
      visited_[row] = stamp_;
      ++done.distances;
      float d = distance(row);
      if (found.size() < ef || d < found.top().first) {
        frontier.emplace(d, row);
        found.emplace(d, row);
        if (found.size() > ef) {
          found.pop();
        }
      }
    };
    for (Ordinal entry : graph_.entry_points) {
      see(entry);
    }
    while (!frontier.empty()) {
      Hit at = frontier.top();
      if (found.size() >= ef && at.first > found.top().first) {
        break;
      }
      frontier.pop();
      ++done.hops;
      const Ordinal* list = graph_.list(at.second);
      for (uint32_t i = 0; i < graph_.degree && list[i] != kNoOrdinal; ++i) {
        see(list[i]);
      }
    }
    if (counts != nullptr) {
      counts->distances += done.distances;
      counts->hops += done.hops;
    }
    return in_order(&found);
  }

 private:
  using Nearest = std::priority_queue<Hit>;
  using Farthest = std::priority_queue<Hit, std::vector<Hit>, std::greater<Hit>>;

  static std::vector<Hit> in_order(Nearest* found) {
    std::vector<Hit> hits(found->size());
    for (size_t i = hits.size(); i-- > 0; found->pop()) {
      hits[i] = found->top();
    }
    return hits;
  }

  const Graph& graph_;
  std::vector<uint32_t> visited_;  // the number of the search that saw the row last
  uint32_t stamp_ = 0;
};

}  // namespace vseg

#endif  // VSEG_TEST_UNIT_MEMORY_GRAPH_SEARCH_H_
