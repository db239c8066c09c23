#include "engine/search/segment_scan_cursor.h"

#include <algorithm>
#include <utility>

#include "engine/common/errors.h"

#include "engine/common/engine_only.h"

namespace vseg {
namespace {

// Rows whose blocks are asked for ahead: the time that one takes to arrive from memory is that of
// several comparisons.
constexpr size_t kAhead = 8;

}  // namespace

SegmentScanCursor::SegmentScanCursor(PageSource& pages, const DirectoryEntry& entry,
                                     const Query& query)
    : segment_(pages, entry, query.dimensions()),
      tombstones_(pages, segment_, entry.dead_rows > 0),
      query_(query),
      all_dead_(entry.dead_rows >= entry.rows) {
  if (segment_.header().metric != query.metric()) {
    throw CorruptIndexError(entry.header_block, "segment header has another metric than its index");
  }
}

bool SegmentScanCursor::next_batch(uint32_t wanted, float bound, std::vector<Candidate>* rows) {
  if (!std::exchange(started_, true)) {
    compare_live_rows();
  }
  uint32_t delivered = 0;
  while (delivered < wanted && !waiting_.empty() && waiting_.front().distance <= bound) {
    rows->push_back(waiting_.front());
    std::pop_heap(waiting_.begin(), waiting_.end(), farther);
    waiting_.pop_back();
    delivered++;
  }
  return delivered > 0 || !waiting_.empty();
}

void SegmentScanCursor::compare_live_rows() {
  if (all_dead_) {
    return;
  }
  std::vector<Ordinal> live;
  tombstones_.collect_live(&live);
  waiting_.reserve(live.size());
  for (size_t i = 0; i < live.size(); i++) {
    if (i + kAhead < live.size()) {
      segment_.prefetch_vector(live[i + kAhead]);
    }
    waiting_.push_back({query_.distance(segment_.vector(live[i])), live[i]});
  }
  std::make_heap(waiting_.begin(), waiting_.end(), farther);
}

}  // namespace vseg
