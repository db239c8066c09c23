// Gathers rows in memory, as many as fit, and makes a graph segment of them.
#ifndef VSEG_ENGINE_SEGMENT_SEGMENT_BUILDER_H_
#define VSEG_ENGINE_SEGMENT_SEGMENT_BUILDER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "engine/common/types.h"
#include "engine/format/segment_format.h"
#include "engine/common/build_monitor.h"
#include "engine/graph/graph_builder.h"
#include "engine/graph/known_lists.h"
#include "engine/graph/row_store.h"
#include "engine/pages/page_source.h"
#include "engine/quantizer/rotation.h"
#include "engine/segment/segment_writer.h"

namespace vseg {

struct SegmentBuilderOptions {
  uint32_t dimensions;
  Metric metric;
  GraphOptions graph;
  size_t memory;  // bytes that rows and graph may take together
};

// Where a segment goes: its number and its extents.
struct SegmentPlace {
  uint32_t id;
  uint32_t first_page;  // of the first extent
  std::vector<uint32_t> extents;
};

// Rows are kept rotated, where their nodes will have codes (distances stay as they are), and as one
// byte a dimension where floats do not fit or gain nothing. The exact vectors are not kept: who
// writes the segment brings them once more.
class SegmentBuilder {
 public:
  // `monitor`, if there is one, is asked where taking a row means to look at all of them: add()
  // then throws CancelledError if it says so, and the builder is good for nothing but to be
  // destroyed.
  explicit SegmentBuilder(const SegmentBuilderOptions& options, BuildMonitor* monitor = nullptr);

  // Lists that rows bring from graphs they were in, to build on: those of a row are added before
  // the row. They are given up where memory is wanted for rows, and by clear().
  KnownLists* known_lists() { return &known_; }

  // Takes a row; false, and the row is not taken, when memory is full: clear() comes first then.
  bool add(const Tid& tid, const float* vector);
  uint32_t rows() const { return rows_.rows(); }

  // Builds the graph over the rows. REQUIRES: rows() > 0. Throws as build_graph does.
  void build(BuildMonitor& monitor);

  // What build() took.
  const BuildWork& work() const { return graph_.work; }

  // The header of the built segment as number `id`, to begin with page `first_page` of its first
  // extent. REQUIRES: build() has run.
  SegmentHeader plan(uint32_t id, uint32_t first_page = 0) const;

  // Writes the built segment; `vectors` are those of the rows, in the order they were added.
  // REQUIRES: place.extents has plan(place.id, place.first_page).extents elements.
  void write(const SegmentPlace& place, ExactVectors& vectors, BuildMonitor& monitor,
             PageSink& sink) const;

  // Forgets the rows and their graph, frees the memory.
  void clear();

  // Rows that fit into the memory of `options`, known lists with them.
  static uint64_t capacity(const SegmentBuilderOptions& options);

 private:
  static bool rotates(const SegmentBuilderOptions& options);
  static uint32_t width(const SegmentBuilderOptions& options);
  static size_t fixed_bytes(const SegmentBuilderOptions& options);
  static size_t row_bytes(const SegmentBuilderOptions& options, bool narrowed);
  bool fits_another(bool narrowed) const;
  bool make_room();
  bool should_narrow() const;
  uint32_t threads() const;

  SegmentBuilderOptions options_;
  std::optional<Rotation> rotation_;  // none: node blocks will have no codes
  RowStore::Look look_ = [] {};       // asks the monitor
  RowStore rows_;                     // rotated, if there is a rotation
  std::vector<float> rotated_;        // the row being added
  std::vector<Tid> tids_;
  KnownLists known_;
  Graph graph_;
};

}  // namespace vseg

#endif  // VSEG_ENGINE_SEGMENT_SEGMENT_BUILDER_H_
