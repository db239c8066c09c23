// What a search costs in memory: pages without a buffer manager, so that the walk itself shows.
//
// Rows lie around cluster centres, and queries are rows of the same kind. Counters: recall@10, and
// per query the pages pinned.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <random>
#include <vector>

#include "engine/common/errors.h"
#include "engine/format/metapage_format.h"
#include "engine/format/segment_format.h"
#include "engine/graph/graph_builder.h"
#include "engine/quantizer/rotation.h"
#include "engine/search/index_scan.h"
#include "engine/search/segment_cursor.h"
#include "engine/search/segment_scan_cursor.h"
#include "engine/segment/segment_writer.h"

namespace vseg {
namespace {

constexpr uint32_t kRows = 40000;
constexpr uint32_t kQueries = 200;

// Block b's payload is at b * kPagePayload: pinning is arithmetic.
class FlatPages : public PageSource, public PageSink {
 public:
  const std::byte* pin(BlockNo block, PageExpectation) override {
    pins++;
    return bytes_.data() + size_t{block} * kPagePayload;
  }
  void copy(BlockNo block, PageExpectation expected, std::byte* payload) override {
    std::memcpy(payload, pin(block, expected), kPagePayload);
  }
  void prefetch(BlockNo, uint32_t, uint32_t) override {}

  std::byte* at(BlockNo block) { return bytes_.data() + size_t{block} * kPagePayload; }

  // Segments are written one after another, each from the start of an extent.
  uint32_t next_extent() const { return next_block_ / kExtentPages; }
  void begin_segment(uint32_t extents) {
    write_block_ = next_block_;
    next_block_ += extents * kExtentPages;
    bytes_.resize(size_t{next_block_} * kPagePayload);
  }
  void write(PageKind, const std::byte* payload, size_t bytes) override {
    std::copy_n(payload, bytes, bytes_.data() + size_t{write_block_++} * kPagePayload);
  }

  uint64_t pins = 0;

 private:
  std::vector<std::byte> bytes_;
  BlockNo next_block_ = kExtentPages;
  BlockNo write_block_ = 0;
};

std::vector<float> clustered_rows(uint32_t rows, uint32_t dimensions, uint32_t seed) {
  constexpr uint32_t kCenters = 200;
  std::normal_distribution<float> normal;
  std::mt19937 random(1);
  std::vector<float> centers(size_t{kCenters} * dimensions);
  std::generate(centers.begin(), centers.end(), [&] { return normal(random); });
  random.seed(seed);
  std::vector<float> floats;
  for (uint32_t i = 0; i < rows; i++) {
    const float* center = centers.data() + size_t{random() % kCenters} * dimensions;
    for (uint32_t d = 0; d < dimensions; d++) {
      floats.push_back(center[d] + normal(random));
    }
  }
  return floats;
}

class Silent : public BuildMonitor {
 public:
  void inserted(uint32_t) override {}
  bool cancelled() override { return false; }
};

class Slice : public ExactVectors {
 public:
  Slice(const float* row, uint32_t dimensions) : row_(row), dimensions_(dimensions) {}
  const float* next() override {
    const float* row = row_;
    row_ += dimensions_;
    return row;
  }

 private:
  const float* row_;
  uint32_t dimensions_;
};

// kRows rows in several segments, and the exact answers to some queries.
class Dataset {
 public:
  Dataset(uint32_t dimensions, const std::vector<uint32_t>& sizes) : dimensions_(dimensions) {
    rows_ = clustered_rows(kRows, dimensions, 2);
    queries_ = clustered_rows(kQueries, dimensions, 3);
    metapage_.dimensions = dimensions;
    metapage_.metric = Metric::kL2;
    uint32_t first = 0;
    for (uint32_t size : sizes) {
      add_segment(first, size);
      first += size;
    }
    for (uint32_t q = 0; q < kQueries; q++) {
      answers_.push_back(exact(q));
    }
  }

  Query query(uint32_t q) const {
    return Query(Metric::kL2, queries_.data() + size_t{q} * dimensions_, dimensions_);
  }
  const Metapage& metapage() const { return metapage_; }
  // Marks rows of the only segment dead, at random, `share` percent of them, and no others.
  void bury(uint32_t share) {
    DirectoryEntry& entry = metapage_.directory[0];
    const SegmentReader segment(pages, entry, dimensions_);
    const BlockNo block = segment.block(segment.header().tombstones.first);
    std::memset(pages.at(block), 0, kPagePayload);
    entry.dead_rows = 0;
    std::mt19937 random(4);
    while (entry.dead_rows < entry.rows * share / 100) {
      const uint32_t row = random() % static_cast<uint32_t>(entry.rows);
      std::byte& byte = pages.at(block)[row / 8];
      const std::byte bit = std::byte{1} << row % 8;
      entry.dead_rows += (byte & bit) == std::byte{0};
      byte |= bit;
    }
  }

  // How far the tenth nearest row is.
  float answer(uint32_t q) const { return answers_[q]; }

  FlatPages pages;

 private:
  void add_segment(uint32_t first, uint32_t size) {
    const Rotation rotation(dimensions_);
    RowStore store(Metric::kL2, rotation.padded());
    std::vector<float> rotated(rotation.padded());
    std::vector<Tid> tids;
    for (uint32_t i = first; i < first + size; i++) {
      rotation.apply(rows_.data() + size_t{i} * dimensions_, rotated.data());
      store.append(rotated.data());
      tids.push_back({static_cast<uint16_t>(i >> 16), static_cast<uint16_t>(i), 1});
    }
    Silent monitor;
    Graph graph = build_graph(store, GraphOptions{}, monitor);
    DirectoryEntry& entry = metapage_.directory[metapage_.directory_count++];
    entry.id = metapage_.directory_count;
    SegmentHeader header = plan_segment({entry.id, dimensions_, Metric::kL2, 16, 100, size,
                                         static_cast<uint32_t>(graph.entry_points.size())});
    entry.kind = MemberKind::kGraphSegment;
    entry.header_block = pages.next_extent() * kExtentPages;
    entry.extents = header.extents;
    entry.rows = size;
    std::vector<uint32_t> extents;
    for (uint32_t i = 0; i < header.extents; i++) {
      extents.push_back(pages.next_extent() + i);
    }
    pages.begin_segment(header.extents);
    Slice vectors(rows_.data() + size_t{first} * dimensions_, dimensions_);
    write_segment({header, extents, graph, tids, vectors, &store}, pages);
  }

  float exact(uint32_t q) const {
    Query query = this->query(q);
    std::vector<float> distances;
    for (uint32_t i = 0; i < kRows; i++) {
      distances.push_back(query.distance(rows_.data() + size_t{i} * dimensions_));
    }
    std::nth_element(distances.begin(), distances.begin() + 9, distances.end());
    return distances[9];
  }

  uint32_t dimensions_;
  std::vector<float> rows_;
  std::vector<float> queries_;
  std::vector<float> answers_;
  Metapage metapage_{};
};

Dataset& one_segment() {
  static Dataset dataset(128, {kRows});
  return dataset;
}

Dataset& five_segments() {
  static Dataset dataset(128, {kRows - 10000, 4000, 3000, 2000, 1000});
  return dataset;
}

// Arguments: ef_search, rows asked for.
void search(benchmark::State& state, Dataset& dataset) {
  auto ef = static_cast<uint32_t>(state.range(0));
  uint64_t queries = 0;
  uint64_t found = 0;
  dataset.pages.pins = 0;
  while (state.KeepRunning()) {
    uint32_t q = queries++ % kQueries;
    IndexScan scan(dataset.pages, dataset.metapage(), dataset.query(q),
                   {ef, IterativeScan::kStrictOrder});
    Hit hit;
    for (int64_t i = 0; i < state.range(1) && scan.next(&hit); i++) {
      found += i < 10 && hit.distance <= dataset.answer(q);
    }
  }
  auto count = static_cast<double>(queries);
  state.counters["recall"] = static_cast<double>(found) / (10 * count);
  state.counters["pages"] = static_cast<double>(dataset.pages.pins) / count;
}

void BM_OneSegment(benchmark::State& state) { search(state, one_segment()); }
BENCHMARK(BM_OneSegment)->ArgsProduct({{10, 40, 100, 200}, {10}})->Args({40, 1000});

void BM_FiveSegments(benchmark::State& state) { search(state, five_segments()); }
BENCHMARK(BM_FiveSegments)->ArgsProduct({{10, 40, 100, 200}, {10}})->Args({40, 1000});

Dataset* segment_of(uint32_t dimensions) {
  static std::map<uint32_t, std::unique_ptr<Dataset>> datasets;
  std::unique_ptr<Dataset>& dataset = datasets[dimensions];
  if (dataset == nullptr) {
    dataset = std::make_unique<Dataset>(dimensions, std::vector<uint32_t>{kRows});
  }
  return dataset.get();
}

void take_first_batch(Cursor&& cursor, uint32_t ef) {
  std::vector<Candidate> rows;
  cursor.next_batch(ef, kNoBound, &rows);
  benchmark::DoNotOptimize(rows.data());
}

struct ByGraph {
  static void search(Dataset* dataset, const Query& query, uint32_t ef) {
    const DirectoryEntry& entry = dataset->metapage().directory[0];
    take_first_batch(SegmentCursor(dataset->pages, entry, query, ef), ef);
  }
};

struct ByLiveRows {
  static void search(Dataset* dataset, const Query& query, uint32_t ef) {
    const DirectoryEntry& entry = dataset->metapage().directory[0];
    take_first_batch(SegmentScanCursor(dataset->pages, entry, query), ef);
  }
};

struct AsChosen {
  static void search(Dataset* dataset, const Query& query, uint32_t ef) {
    Hit hit;
    IndexScan(dataset->pages, dataset->metapage(), query, {ef, IterativeScan::kOff}).next(&hit);
    benchmark::DoNotOptimize(hit);
  }
};

// The first batch of a segment of which a share is dead.
// Arguments: dimensions, percent of dead rows, ef_search.
template <typename Way>
void search_dead(benchmark::State& state) {
  Dataset* dataset = segment_of(static_cast<uint32_t>(state.range(0)));
  dataset->bury(static_cast<uint32_t>(state.range(1)));
  uint64_t queries = 0;
  dataset->pages.pins = 0;
  while (state.KeepRunning()) {
    Way::search(dataset, dataset->query(queries++ % kQueries),
                static_cast<uint32_t>(state.range(2)));
  }
  state.counters["pages"] = static_cast<double>(dataset->pages.pins) / static_cast<double>(queries);
}

const std::vector<int64_t> kDeadShares = {0, 20, 50, 80, 90, 95, 99};

void BM_DeadWalk(benchmark::State& state) { search_dead<ByGraph>(state); }
void BM_DeadScan(benchmark::State& state) { search_dead<ByLiveRows>(state); }
void BM_DeadChosen(benchmark::State& state) { search_dead<AsChosen>(state); }
void dead_shares(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgsProduct({{128, 768}, kDeadShares, {40}})->Unit(benchmark::kMicrosecond);
}
BENCHMARK(BM_DeadWalk)->Apply(dead_shares);
BENCHMARK(BM_DeadScan)->Apply(dead_shares);
BENCHMARK(BM_DeadChosen)->Apply(dead_shares);

// Everything, resumed a batch at a time.
void BM_WholeSegment(benchmark::State& state) { search(state, one_segment()); }
BENCHMARK(BM_WholeSegment)->Args({40, kRows})->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace vseg
