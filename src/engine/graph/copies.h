// Rows that are equal to others, which a graph is built without.
#ifndef VSEG_ENGINE_GRAPH_COPIES_H_
#define VSEG_ENGINE_GRAPH_COPIES_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/common/types.h"
#include "engine/common/build_monitor.h"
#include "engine/graph/graph.h"
#include "engine/graph/row_store.h"

namespace vseg {

// Equal rows make a group: its first row is the original, the others are copies of it. Equal is
// what the store cannot tell apart (RowStore::equal).
//
// The lists of a graph over all rows would be full of copies: of one row, wherever it is among the
// nearest. Such lists lead nowhere else. So only originals are inserted, linked and entered, and
// share_lists gives each copy its place at the end.
class Copies {
 public:
  // Finds the groups. Takes kFindingBytesPerRow meanwhile.
  Copies(const RowStore& rows, BuildMonitor& monitor);

  bool none() const { return groups_.empty(); }
  uint32_t count() const { return none() ? 0 : members_count() - groups_count(); }

  bool is_copy(Ordinal row) const { return original(row) != row; }
  Ordinal original(Ordinal row) const {
    return none() || groups_[row] == kNoGroup ? row : members_[starts_[groups_[row]]];
  }

  // Replaces rows by their originals, each once, without `row` itself.
  void make_originals(Ordinal row, std::vector<Ordinal>* rows) const;

  // REQUIRES: lists of originals name originals, those of copies are empty. Gives every row of a
  // group the neighbours that the original has, the first of them, and links to other rows of the
  // group. Whatever list named an original now names it or one of a few others of the group: no
  // list but the group's own has two of them, and none of them is the only way in.
  // Links may go on which the reachability of others depends.
  void share_lists(Graph* graph) const;

  static constexpr size_t kFindingBytesPerRow = sizeof(uint64_t) + 2 * sizeof(Ordinal);

  // What is kept, where all rows are pairs.
  static constexpr size_t kBytesPerRow = 5 * sizeof(Ordinal) / 2;

 private:
  using Group = uint32_t;
  static constexpr Group kNoGroup = ~Group{0};

  uint32_t groups_count() const { return static_cast<uint32_t>(starts_.size()) - 1; }
  uint32_t members_count() const { return starts_.back(); }
  uint32_t size(Group group) const { return starts_[group + 1] - starts_[group]; }
  Ordinal entrance(Group group, Ordinal asking) const;
  void share_list(Group group, Graph* graph) const;

  std::vector<Group> groups_;     // of each row; empty where no rows are equal
  std::vector<Ordinal> members_;  // of one group after the other, ascending
  std::vector<uint32_t> starts_;  // of the groups' members, and the end of the last
};

}  // namespace vseg

#endif  // VSEG_ENGINE_GRAPH_COPIES_H_
