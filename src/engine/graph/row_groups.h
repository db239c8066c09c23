// Disjoint groups of rows.
#ifndef VSEG_ENGINE_GRAPH_ROW_GROUPS_H_
#define VSEG_ENGINE_GRAPH_ROW_GROUPS_H_

#include <cstdint>
#include <vector>

#include "engine/common/types.h"

namespace vseg {

class RowGroups {
 public:
  using Group = uint32_t;
  static constexpr Group kNone = ~Group{0};

  bool none() const { return of_.empty(); }
  uint32_t count() const { return none() ? 0 : static_cast<uint32_t>(starts_.size()) - 1; }
  uint32_t members_count() const { return static_cast<uint32_t>(members_.size()); }

  Group of(Ordinal row) const { return none() ? kNone : of_[row]; }
  uint32_t size(Group group) const { return starts_[group + 1] - starts_[group]; }
  const Ordinal* members(Group group) const { return members_.data() + starts_[group]; }

  // The first of the row's group; the row itself where it is in none.
  Ordinal first(Ordinal row) const {
    const Group group = of(row);
    return group == kNone ? row : members(group)[0];
  }

  // Makes a group of the rows, the first of which is its first member. REQUIRES: two or more, in no
  // other group; finish() at the end.
  template <typename Iterator>
  void add(Iterator begin, Iterator end) {
    starts_.push_back(members_count());
    members_.insert(members_.end(), begin, end);
  }

  void finish(uint32_t rows) {
    if (starts_.empty()) {
      return;
    }
    starts_.push_back(members_count());
    of_.assign(rows, kNone);
    for (Group group = 0; group < count(); ++group) {
      for (uint32_t i = 0; i < size(group); ++i) {
        of_[members(group)[i]] = group;
      }
    }
  }

 private:
  std::vector<Group> of_;         // of each row; empty where there are no groups
  std::vector<Ordinal> members_;  // of one group after the other
  std::vector<uint32_t> starts_;  // of the groups' members, and the end of the last
};

}  // namespace vseg

#endif  // VSEG_ENGINE_GRAPH_ROW_GROUPS_H_
