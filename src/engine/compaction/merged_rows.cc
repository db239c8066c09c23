#include "engine/compaction/merged_rows.h"

#include <algorithm>
#include <tuple>

#include "engine/common/errors.h"
#include "engine/common/worker_threads.h"

#include "engine/common/engine_only.h"

namespace vseg {

void sort_for_merge(std::vector<DirectoryEntry>* members) {
  const auto place = [](const DirectoryEntry& entry) {
    const bool graph = entry.kind == MemberKind::kGraphSegment;
    const auto live = graph ? static_cast<int64_t>(entry.rows - entry.dead_rows) : 0;
    return std::tuple(!graph, -live, entry.id);
  };
  std::sort(members->begin(), members->end(),
            [&](const DirectoryEntry& a, const DirectoryEntry& b) { return place(a) < place(b); });
}

// Moves to the next row, alive or not.
bool LiveRows::next_row() {
  while (member_ < inputs_.members.size()) {
    if (rows_ == nullptr) {
      rows_ = read_member(inputs_.pages, inputs_.members[member_], inputs_.dimensions);
    }
    if (rows_->next()) {
      return true;
    }
    known_->end_graph(rows_->merges());
    rows_.reset();
    member_++;
  }
  return false;
}

bool LiveRows::next() {
  while (next_row()) {
    const bool alive = !rows_->dead();
    map_->add(member_, alive);
    if (rows_->neighbors(&neighbors_)) {
      known_->add(neighbors_, alive);
    }
    if (alive) {
      return true;
    }
  }
  return false;
}

const float* TakenVectors::next() {
  for (; member_ < inputs_.members.size(); member_++) {
    if (rows_ == nullptr) {
      rows_ = read_member(inputs_.pages, inputs_.members[member_], inputs_.dimensions);
      row_ = 0;
    }
    while (rows_->next()) {
      if (map_.taken(member_, row_++)) {
        return rows_->vector();
      }
    }
    rows_.reset();
  }
  throw CorruptIndexError(kMetapageBlock, "a member lost rows while it was merged");
}

std::vector<uint64_t> died_since(const MergeInputs& inputs, const RowMap& map,
                                 BuildMonitor& monitor) {
  std::vector<uint64_t> died;
  CancelCheck check(monitor);
  uint64_t number = 0;
  for (size_t member = 0; member < inputs.members.size(); member++) {
    auto rows = read_member(inputs.pages, inputs.members[member], inputs.dimensions);
    for (size_t row = 0; rows->next(); row++) {
      check.step();
      if (map.taken(member, row)) {
        if (rows->dead()) {
          died.push_back(number);
        }
        number++;
      }
    }
  }
  return died;
}

}  // namespace vseg
