// Rows that are equal or nearly equal to others, which a graph is built without.
#ifndef VSEG_ENGINE_GRAPH_COPIES_H_
#define VSEG_ENGINE_GRAPH_COPIES_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/common/types.h"
#include "engine/common/build_monitor.h"
#include "engine/graph/graph.h"
#include "engine/graph/row_groups.h"
#include "engine/graph/row_store.h"

namespace vseg {

// Equal rows make a group: what the store cannot tell apart (RowStore::equal). The first rows of
// these, and all others, make groups again where they are nearly equal (find_near_rows). The first
// row of a group is the original, the others are copies of it.
//
// The lists of a graph over all rows would be full of copies: of one row, wherever it is among the
// nearest. Such lists lead nowhere else. So only originals are inserted, linked and entered. Near
// copies have a graph among themselves, where they are many, and share_lists gives each copy its
// place at the end.
class Copies {
 public:
  // Finds the groups. Takes kFindingBytesPerRow meanwhile.
  Copies(const RowStore& rows, BuildMonitor& monitor);

  bool none() const { return equal_.none() && near_.none(); }
  uint32_t count() const {
    return equal_.members_count() - equal_.count() + near_.members_count() - near_.count();
  }

  bool is_copy(Ordinal row) const { return original(row) != row; }
  Ordinal original(Ordinal row) const { return near_.first(equal_.first(row)); }

  // Replaces rows by their originals, each once, without `row` itself.
  void make_originals(Ordinal row, std::vector<Ordinal>* rows) const;

  // Groups of near rows.
  const RowGroups& near() const { return near_; }

  // Whether a group of near rows has so many that they need a graph among themselves.
  bool has_graph(RowGroups::Group group, uint32_t degree) const;

  // Slots of a list that a row of such a group may use in that graph.
  static uint32_t inner_degree(uint32_t degree) { return degree * 7 / 8; }

  // REQUIRES: lists of originals name originals; those of other near rows are the ones of their
  // group's graph, where it has one; all others are empty. Gives every row of a group the
  // neighbours that the original has, the first of them, beside links to other rows of the group.
  // Whatever list named an original now names it or one of a few others of the group: no list but
  // the group's own has two of them, and none of them is the only way in.
  // Links may go on which the reachability of others depends.
  void share_lists(Graph* graph) const;

  static constexpr size_t kFindingBytesPerRow = 2 * sizeof(uint64_t) + 4 * sizeof(Ordinal);

  // What is kept: most where all rows are pairs, and these are pairs of near ones.
  static constexpr size_t kBytesPerRow = 17;

 private:
  RowGroups equal_;
  RowGroups near_;
};

}  // namespace vseg

#endif  // VSEG_ENGINE_GRAPH_COPIES_H_
