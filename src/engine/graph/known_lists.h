// Neighbour lists that rows bring along from the graphs they were in.
#ifndef VSEG_ENGINE_GRAPH_KNOWN_LISTS_H_
#define VSEG_ENGINE_GRAPH_KNOWN_LISTS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "engine/common/types.h"

namespace vseg {

// Lists of a fixed number of slots, in chunks, so that growing never copies.
class ListChunks {
 public:
  explicit ListChunks(uint32_t degree) : degree_(degree) {}

  void append(const std::vector<Ordinal>& list);
  uint32_t lists() const { return lists_; }
  Ordinal* list(uint32_t i) { return chunks_[i / kChunkLists].get() + slot(i); }
  const Ordinal* list(uint32_t i) const { return chunks_[i / kChunkLists].get() + slot(i); }
  size_t bytes() const { return chunks_.size() * kChunkLists * degree_ * sizeof(Ordinal); }

 private:
  static constexpr uint32_t kChunkLists = 256;
  size_t slot(uint32_t i) const { return size_t{i % kChunkLists} * degree_; }

  uint32_t degree_;
  uint32_t lists_ = 0;
  std::vector<std::unique_ptr<Ordinal[]>> chunks_;
};

// The lists of the first rows of a graph to be built: those of one graph after another, the
// largest first. Rows of these graphs that are dead do not come along, but their lists do: what was
// found through a dead row is to be found without it.
class KnownLists {
 public:
  explicit KnownLists(uint32_t degree) : degree_(degree), live_(degree), dead_(degree) {}

  // The list of the graph's next row, by that graph's ordinals; of more than `degree` neighbours
  // the first count.
  void add(const std::vector<Ordinal>& neighbors, bool alive);

  // The graph has no more rows; it was itself built on another so often in a row. REQUIRES: its
  // lists name none but rows added.
  void end_graph(uint32_t merges);

  // Gives up the lists there are, and all to come.
  void give_up();

  // Rows [0, base()) are the first graph's, rows [base(), rows()) those of others.
  uint32_t base() const { return base_; }
  uint32_t rows() const { return live_.lists(); }
  uint32_t merges() const { return merges_; }  // of the first graph
  uint32_t dead_rows() const { return dead_.lists(); }

  // Add to `found` a row's neighbours that are alive, and those of its dead ones, some twice.
  // REQUIRES: row < rows().
  void neighbors(Ordinal row, std::vector<Ordinal>* found) const;
  void neighbors_of_dead(Ordinal row, std::vector<Ordinal>* found) const;

  size_t bytes() const;

  // Bytes that a row takes, none being dead: its list, and its name while the graph is read, twice
  // as the vector of names may double.
  static size_t bytes_per_row(uint32_t degree) { return (degree + 2) * sizeof(Ordinal); }

 private:
  void rename(Ordinal* list) const;

  // In lists, what stands for dead rows: their number among these. FAISS leaves the bit free.
  static constexpr Ordinal kDead = 0x80000000;
  static bool is_dead(Ordinal name) { return (name & kDead) != 0 && name != kNoOrdinal; }

  uint32_t degree_;
  bool given_up_ = false;
  bool has_base_ = false;
  uint32_t base_ = 0;
  uint32_t merges_ = 0;
  ListChunks live_;
  ListChunks dead_;
  // Of the graph being added: its first lists, and what each of its rows is called now.
  uint32_t first_live_ = 0;
  uint32_t first_dead_ = 0;
  std::vector<Ordinal> names_;
};

// Whether to build on the lists of `known` instead of inserting all of `rows` rows anew: not where
// the first graph's rows are too few to gain from, not where too many rows of the graphs are dead,
// and not where the first graph was built on others too often.
bool worth_building_on(const KnownLists& known, uint32_t rows);

}  // namespace vseg

#endif  // VSEG_ENGINE_GRAPH_KNOWN_LISTS_H_
