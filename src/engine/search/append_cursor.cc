#include "engine/search/append_cursor.h"

#include <algorithm>

#include "engine/common/errors.h"
#include "engine/segment/append_reader.h"

#include "engine/common/engine_only.h"

namespace vseg {
namespace {

// For heaps with the nearest row on top.
bool farther(const Candidate& a, const Candidate& b) { return a.distance > b.distance; }

}  // namespace

AppendCursor::AppendCursor(PageSource& pages, const DirectoryEntry& entry, const Query& query,
                           uint32_t ef)
    : pages_(pages), entry_(entry), query_(query), ef_(ef) {}

bool AppendCursor::next_batch(float bound, std::vector<Candidate>* rows) {
  if (!read_) {
    read_chain();
    read_ = true;
  }
  if (rows_.empty()) {
    return false;
  }
  for (uint32_t i = 0; i < ef_ && !rows_.empty() && rows_.front().distance <= bound; i++) {
    std::pop_heap(rows_.begin(), rows_.end(), farther);
    rows->push_back(rows_.back());
    rows_.pop_back();
  }
  return true;
}

void AppendCursor::read_chain() {
  std::vector<Tid> tids;
  std::vector<Candidate> rows;
  AppendReader reader(pages_, entry_, query_.dimensions());
  while (reader.next_page()) {
    for (uint32_t row = 0; row < reader.rows(); row++) {
      const AppendEntry& entry = reader.entry(row);
      if ((entry.flags & kEntryDead) != 0) {
        continue;
      }
      if (entry.tid.offset == 0) {
        throw CorruptIndexError(reader.block(), "append entry has an invalid heap address");
      }
      rows.push_back({query_.distance(reader.vector(row)), static_cast<Ordinal>(tids.size())});
      tids.push_back(entry.tid);
    }
  }
  std::make_heap(rows.begin(), rows.end(), farther);
  rows_ = std::move(rows);
  tids_ = std::move(tids);
}

}  // namespace vseg
