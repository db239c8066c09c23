#include "engine/segment/segment_builder.h"

#include <algorithm>

#include "engine/common/worker_threads.h"
#include "engine/quantizer/edge_codes.h"

#include "engine/common/engine_only.h"

namespace vseg {
namespace {

// Rows by which to judge whether bytes may stand for floats while the graph is built.
constexpr uint32_t kRowsToJudge = 10000;

// Rows per thread below which another thread is not worth its start.
constexpr uint32_t kRowsPerThread = 1000;

}  // namespace

SegmentBuilder::SegmentBuilder(const SegmentBuilderOptions& options, BuildMonitor* monitor)
    : options_(options),
      rows_(options.metric, width(options)),
      rotated_(rows_.dimensions()),
      known_(layer0_degree(options.graph.m)) {
  if (monitor != nullptr) {
    look_ = [check = CancelCheck(*monitor)]() mutable { check.step(); };
  }
  if (rotates(options)) {
    rotation_.emplace(options.dimensions);
  }
}

bool SegmentBuilder::rotates(const SegmentBuilderOptions& options) {
  return has_edge_codes(options.metric);
}

// Dimensions of a row in memory.
uint32_t SegmentBuilder::width(const SegmentBuilderOptions& options) {
  return rotates(options) ? padded_dimensions(options.dimensions) : options.dimensions;
}

// Half of the memory is the rows' in any case: what the build needs however few they are may be all
// of a small memory, and segments of a row each would help nobody.
size_t SegmentBuilder::fixed_bytes(const SegmentBuilderOptions& options) {
  return std::min(graph_fixed_bytes(options.graph), options.memory / 2);
}

size_t SegmentBuilder::row_bytes(const SegmentBuilderOptions& options, bool narrowed) {
  return RowStore::bytes_per_row(options.metric, width(options), narrowed) +
         graph_bytes_per_row(options.graph) + sizeof(Tid);
}

uint64_t SegmentBuilder::capacity(const SegmentBuilderOptions& options) {
  const size_t room = options.memory - fixed_bytes(options);
  const size_t list = KnownLists::bytes_per_row(layer0_degree(options.graph.m));
  return std::max<uint64_t>(1, room / (row_bytes(options, true) + list));
}

bool SegmentBuilder::fits_another(bool narrowed) const {
  const size_t rows = static_cast<size_t>(rows_.rows()) + 1;
  return rows * row_bytes(options_, narrowed) + fixed_bytes(options_) + known_.bytes() <=
         options_.memory;
}

// Rows come before what makes building cheaper.
bool SegmentBuilder::make_room() {
  if (!fits_another(true)) {
    known_.give_up();
  }
  return fits_another(true);
}

// Bytes instead of floats: where floats do not fit, and where they gain nothing.
bool SegmentBuilder::should_narrow() const {
  return !fits_another(false) || (rows_.rows() == kRowsToJudge && rows_.narrows_well(look_));
}

bool SegmentBuilder::add(const Tid& tid, const float* vector) {
  if (!rows_.narrowed() && rows_.rows() > 0 && should_narrow()) {
    rows_.narrow(look_);
  }
  if (rows_.narrowed() && !make_room()) {
    return false;
  }
  if (rotation_) {
    rotation_->apply(vector, rotated_.data());
    vector = rotated_.data();
  }
  rows_.append(vector);
  tids_.push_back(tid);
  return true;
}

uint32_t SegmentBuilder::threads() const {
  return std::max(1U, std::min(options_.graph.threads, rows_.rows() / kRowsPerThread));
}

void SegmentBuilder::build(BuildMonitor& monitor) {
  GraphOptions graph = options_.graph;
  graph.threads = threads();
  graph_ = build_graph(rows_, graph, monitor, &known_);
  known_.give_up();
}

SegmentHeader SegmentBuilder::plan(uint32_t id, uint32_t first_page) const {
  SegmentShape shape{};
  shape.id = id;
  shape.dimensions = options_.dimensions;
  shape.metric = options_.metric;
  shape.m = static_cast<uint16_t>(options_.graph.m);
  shape.ef_construction = static_cast<uint16_t>(options_.graph.ef_construction);
  shape.rows = graph_.rows;
  shape.entry_points = static_cast<uint32_t>(graph_.entry_points.size());
  shape.merges = graph_.merges;
  shape.first_page = first_page;
  return plan_segment(shape);
}

void SegmentBuilder::write(const SegmentPlace& place, ExactVectors& vectors, BuildMonitor& monitor,
                           PageSink& sink) const {
  const SegmentHeader header = plan(place.id, place.first_page);
  write_segment({header, place.extents, graph_, tids_, vectors, rotation_ ? &rows_ : nullptr,
                 threads(), &monitor},
                sink);
}

void SegmentBuilder::clear() {
  rows_.clear();
  tids_.clear();
  known_.give_up();
  graph_ = Graph();
}

}  // namespace vseg
