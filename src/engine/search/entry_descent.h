// The way from the root of a segment's entry tree to where a walk of its graph begins.
#ifndef VSEG_ENGINE_SEARCH_ENTRY_DESCENT_H_
#define VSEG_ENGINE_SEARCH_ENTRY_DESCENT_H_

#include <vector>

#include "engine/quantizer/coded_query.h"
#include "engine/search/cursor.h"
#include "engine/search/query.h"
#include "engine/segment/segment_reader.h"

namespace vseg {

class EntryDescent {
 public:
  // `coded` is null where the segment has no codes: blocks are compared by their vectors then.
  EntryDescent(SegmentReader& segment, const Query& query, const CodedQuery* coded);

  // Blocks of the tree's last level, the few that seem nearest to the query: from the last level
  // that has no more than a few on, of each level below those that seem nearest are looked into.
  // None where the segment has no rows. Prefetches them.
  std::vector<uint32_t> nearest_blocks();

 private:
  void descend(uint32_t level);
  void see_children(uint32_t level, uint32_t block);

  SegmentReader& segment_;
  const Query& query_;
  const CodedQuery* coded_;
  std::vector<uint32_t> blocks_;     // of the level reached
  std::vector<Candidate> children_;  // of blocks_
  std::vector<uint32_t> numbers_;    // of the block being looked into: its children,
  std::vector<float> estimates_;     // and how far they are
};

}  // namespace vseg

#endif  // VSEG_ENGINE_SEARCH_ENTRY_DESCENT_H_
