// vseg's engine: a segment is built as CREATE INDEX builds it (src/postgres/access/build.cc), and a
// query is a whole scan, from its constructor to its k-th row.
#include <algorithm>
#include <optional>

#include "engine.h"
#include "engine/format/metapage_format.h"
#include "engine/format/segment_format.h"
#include "engine/graph/graph_builder.h"
#include "engine/graph/row_store.h"
#include "engine/kernels/distance.h"
#include "engine/quantizer/rotation.h"
#include "engine/search/index_scan.h"
#include "engine/segment/segment_writer.h"
#include "memory_index.h"

namespace vseg_bench {
namespace {

using vseg::Tid;

// Rows by which a build judges whether bytes may stand for floats.
constexpr size_t kRowsToJudge = 10000;
constexpr uint32_t kSegmentId = vseg::kFirstSegmentId;
constexpr uint32_t kFirstExtent = 1;  // the first has the metapage

Tid TidOf(size_t row) {
  return {static_cast<uint16_t>(row >> 24), static_cast<uint16_t>(row >> 8),
          static_cast<uint16_t>((row & 0xFF) + 1)};
}

int64_t RowOf(const Tid& tid) {
  return int64_t{tid.block_high} << 24 | int64_t{tid.block_low} << 8 | (tid.offset - 1);
}

class Silent : public vseg::BuildMonitor {
 public:
  void inserted(uint32_t /*rows*/) override {}
  bool cancelled() override { return false; }
};

class RowsInOrder : public vseg::ExactVectors {
 public:
  explicit RowsInOrder(const Matrix<float>& rows) : rows_(rows) {}
  const float* next() override { return rows_.Row(next_++); }

 private:
  const Matrix<float>& rows_;
  size_t next_ = 0;
};

class MemorySink : public vseg::PageSink {
 public:
  MemorySink(const PageMemory& memory, vseg::BlockNo first) : memory_(memory), next_(first) {}
  void write(vseg::PageKind /*kind*/, const std::byte* payload, size_t bytes) override {
    std::copy_n(payload, bytes, memory_.payload(next_++));  // of no bytes, payload is null
  }

 private:
  const PageMemory& memory_;
  vseg::BlockNo next_;
};

class VsegEngine : public Engine {
 public:
  std::string label() const override { return "vseg"; }
  std::string simd() const override { return vseg::distance_kernels().target; }
  size_t SmallestEf(size_t /*k*/) const override { return 1; }
  size_t Bytes() const override { return size_t{header_.pages} * vseg::kPageSize; }

  void Build(const Matrix<float>& rows, const BuildSettings& settings) override {
    const auto dimensions = static_cast<uint32_t>(rows.dim);
    const vseg::Rotation rotation(dimensions);
    vseg::RowStore store(kMetric, rotation.padded());
    Fill(rows, rotation, &store);
    Silent monitor;
    vseg::GraphOptions options;
    options.m = settings.m;
    options.ef_construction = settings.ef_construction;
    options.threads = settings.threads;
    const vseg::Graph graph = vseg::build_graph(store, options, monitor);
    Write(rows, graph, store, settings);
  }

  void Search(const Matrix<float>& queries, size_t k, size_t ef, int64_t* found) override {
    MemoryPageSource pages(*memory_);
    for (size_t query = 0; query < queries.rows; query++) {
      SearchOne(pages, queries, query, k, ef, found + query * k);
    }
  }

  std::optional<PagesRead> CountPages(const Matrix<float>& queries, size_t k, size_t ef) override {
    CountingPageSource pages(*memory_);
    std::vector<int64_t> found(k);
    for (size_t query = 0; query < queries.rows; query++) {
      pages.BeginQuery();
      SearchOne(pages, queries, query, k, ef, found.data());
    }
    auto average = [&](uint64_t count) {
      return static_cast<double>(count) / static_cast<double>(queries.rows);
    };
    return PagesRead{average(pages.pins), average(pages.distinct), average(pages.node_pins)};
  }

 private:
  // Of rows of unit length it gives cosine's order.
  static constexpr vseg::Metric kMetric = vseg::Metric::kL2;

  static void Fill(const Matrix<float>& rows, const vseg::Rotation& rotation,
                   vseg::RowStore* store) {
    std::vector<float> rotated(store->dimensions());
    for (size_t row = 0; row < rows.rows; row++) {
      if (row == kRowsToJudge && store->narrows_well()) {
        store->narrow();
      }
      rotation.apply(rows.Row(row), rotated.data());
      store->append(rotated.data());
    }
  }

  void Write(const Matrix<float>& rows, const vseg::Graph& graph, const vseg::RowStore& rotated,
             const BuildSettings& settings) {
    vseg::SegmentShape shape{};
    shape.id = kSegmentId;
    shape.dimensions = static_cast<uint32_t>(rows.dim);
    shape.metric = kMetric;
    shape.m = static_cast<uint16_t>(settings.m);
    shape.ef_construction = static_cast<uint16_t>(settings.ef_construction);
    shape.rows = graph.rows;
    shape.entry_points = static_cast<uint32_t>(graph.entry_points.size());
    header_ = vseg::plan_segment(shape);
    std::vector<uint32_t> extents(header_.extents);
    for (uint32_t i = 0; i < header_.extents; i++) {
      extents[i] = kFirstExtent + i;
    }
    std::vector<Tid> tids;
    for (size_t row = 0; row < rows.rows; row++) {
      tids.push_back(TidOf(row));
    }
    memory_ = std::make_unique<PageMemory>((kFirstExtent + header_.extents) * vseg::kExtentPages);
    MemorySink sink(*memory_, kFirstExtent * vseg::kExtentPages);
    RowsInOrder vectors(rows);
    Silent monitor;
    vseg::write_segment(
        {header_, extents, graph, tids, vectors, &rotated, settings.threads, &monitor}, sink);
    List();
  }

  // Lists the segment in a metapage of its own.
  void List() {
    metapage_ = {};
    metapage_.dimensions = header_.dimensions;
    metapage_.metric = kMetric;
    metapage_.m = header_.m;
    metapage_.ef_construction = header_.ef_construction;
    metapage_.directory_count = 1;
    vseg::DirectoryEntry& entry = metapage_.directory[0];
    entry.id = kSegmentId;
    entry.kind = vseg::MemberKind::kGraphSegment;
    entry.header_block = kFirstExtent * vseg::kExtentPages;
    entry.extents = header_.extents;
    entry.rows = header_.rows;
    entry.pages = header_.pages;
  }

  void SearchOne(vseg::PageSource& pages, const Matrix<float>& queries, size_t query, size_t k,
                 size_t ef, int64_t* found) const {
    vseg::IndexScan scan(pages, metapage_,
                         vseg::Query(kMetric, queries.Row(query), header_.dimensions),
                         {static_cast<uint32_t>(ef), vseg::IterativeScan::kStrictOrder});
    vseg::Hit hit;
    for (size_t i = 0; i < k; i++) {
      found[i] = scan.next(&hit) ? RowOf(hit.tid) : -1;
    }
  }

  vseg::SegmentHeader header_{};
  vseg::Metapage metapage_{};
  std::unique_ptr<PageMemory> memory_;
};

}  // namespace

std::unique_ptr<Engine> MakeVsegEngine() { return std::make_unique<VsegEngine>(); }

}  // namespace vseg_bench
