// Bytes of an index for a row, by dimensions.
#include "bench.h"
#include "cpu.h"
#include "mixture.h"
#include "report.h"

namespace vseg_bench {
namespace {

// pgvector's limit for columns of type vector.
constexpr size_t kMostHnswDimensions = 2000;

Dataset GenerateData(size_t dimensions, size_t rows) {
  MixtureShape shape;
  shape.dimensions = dimensions;
  Dataset data;
  data.name = "generated";
  data.base = DrawRows(Mixture(shape, /*seed*/ 1), shape, rows, /*seed*/ 2);
  return data;
}

// A row that does not fit a page cannot be stored plain.
constexpr size_t kMostPlainDimensions = 2000;

std::string StorageFor(size_t dimensions) {
  return dimensions > kMostPlainDimensions ? "external" : "plain";
}

struct Sized {
  double bytes;
  double seconds;
};

Sized MeasureKind(Bench* bench, const IndexKind& kind) {
  std::string table = "size_" + kind.method;
  CreateTable(bench, table, StorageFor(bench->data.base.dim));
  LoadRows(bench->session, table, bench->data.base, {0, bench->data.base.rows}, LoadMethod::kCopy);
  EnsureIndex(bench, kind, table);
  Sized sized{RelationBytes(bench->session, IndexName(table)), bench->build_seconds[table]};
  bench->session->Command("DROP TABLE " + table);
  return sized;
}

void MeasureDimensions(Bench* bench, Table* report) {
  auto rows = static_cast<double>(bench->data.base.rows);
  double vsegs = 0;
  for (const IndexKind& kind : bench->kinds) {
    if (kind.method == "hnsw" && bench->data.base.dim > kMostHnswDimensions) {
      report->Row({std::to_string(bench->data.base.dim), kind.label, "-", "-", "-", "-", "-",
                   ParametersText(bench->options), CpuModel(), SimdText(kind)});
      continue;
    }
    Sized sized = MeasureKind(bench, kind);
    vsegs = kind.method == "vseg" ? sized.bytes : vsegs;
    double vector = 4 * static_cast<double>(bench->data.base.dim);
    bool peer = kind.method == "hnsw" && vsegs > 0;
    report->Row({std::to_string(bench->data.base.dim), kind.label, Number(sized.bytes / rows, 0),
                 Number(sized.bytes / rows / vector, 2), Megabytes(sized.bytes),
                 peer ? Number(vsegs / sized.bytes, 2) + "x" : "-", Number(sized.seconds, 2),
                 ParametersText(bench->options), CpuModel(), SimdText(kind)});
  }
}

}  // namespace

void RunSize(const Options& options, Session* session) {
  Heading("size: bytes of the index for a row");
  Table report({"dimensions", "index", "bytes a row", "of its floats", "index MB", "vseg / this",
                "build s", "parameters", "CPU", "SIMD"});
  for (size_t dimensions : options.size_dimensions) {
    Progress(std::to_string(dimensions) + " dimensions");
    Bench bench(options, session, GenerateData(dimensions, options.size_rows));
    MeasureDimensions(&bench, &report);
  }
  Paragraph(std::to_string(options.size_rows) +
            " generated rows. \"Of its floats\": the index's bytes over those of the vectors "
            "alone. pgvector's hnsw ends at 2,000 dimensions.");
  report.Print();
}

}  // namespace vseg_bench
