// vseg_engine_bench: vseg's engine, FAISS's IndexHNSW and hnswlib over the same rows in memory,
// each searched by one thread. The report goes to standard output as markdown, progress to standard
// error.
//
//   vseg_engine_bench DIR [--option VALUE]...
//
// DIR has base.fvecs, query.fvecs and, unless they are to be computed, the exact answers. Without
// arguments it lists its options; bench/README.md describes them.
#include <algorithm>
#include <cstdio>
#include <exception>
#include <fstream>
#include <list>

#include "comparison.h"
#include "contender.h"
#include "cpu.h"
#include "dataset.h"
#include "engine/kernels/distance.h"
#include "options.h"
#include "report.h"
#include "sweep.h"

namespace vseg_bench {
namespace {

std::string DataText(const Dataset& data) {
  return data.name + ", " + std::to_string(data.base.rows) + " rows x " +
         std::to_string(data.base.dim) + " dimensions, " + MetricName(data.metric);
}

std::string ParametersText(const BuildSettings& build) {
  return "m " + std::to_string(build.m) + ", ef_construction " +
         std::to_string(build.ef_construction);
}

struct Run {
  const Options& options;
  const Dataset& data;  // the largest sample's
  const std::vector<Contender>& contenders;
};

// Cells that both the table and the file of points have, in this order.
const std::vector<std::string> kColumns = {
    "index", "ef_search",   "recall@k",         "us a query", "queries/s",
    "pages", "different",   "rows' pages read", "build s",    "build CPU s",
    "MB",    "bytes a row", "parameters",       "CPU",        "SIMD"};

std::vector<std::string> Cells(const Run& run, const Point& point) {
  const Contender& contender = run.contenders[point.contender];
  auto bytes = static_cast<double>(contender.engine->Bytes());
  double us = Median(point.us);
  auto pages = [&](double PagesRead::*count) {
    return point.pages ? Number((*point.pages).*count, 1) : "-";
  };
  return {contender.label,
          std::to_string(point.ef),
          Number(point.recall, 4),
          Spread(point.us, 1),
          Number(1e6 / us, 0),
          pages(&PagesRead::pins),
          pages(&PagesRead::distinct),
          pages(&PagesRead::node_pins),
          Number(contender.build.seconds, 1),
          Number(contender.build.cpu_seconds, 1),
          Megabytes(bytes),
          Number(bytes / static_cast<double>(contender.sample->data.base.rows), 0),
          ParametersText(run.options.build),
          CpuModel(),
          contender.engine->simd()};
}

std::vector<LabelledCurve> Curves(const Run& run, const std::vector<Point>& points) {
  std::vector<LabelledCurve> curves;
  for (const Contender& contender : run.contenders) {
    curves.push_back({contender.label, {}});
  }
  for (const Point& point : points) {
    curves[point.contender].points.push_back({point.ef, point.recall, Median(point.us)});
  }
  return curves;
}

void PrintPoints(const Run& run, std::vector<Point> points) {
  std::stable_sort(points.begin(), points.end(),
                   [](const Point& a, const Point& b) { return a.contender < b.contender; });
  Table table(kColumns);
  for (const Point& point : points) {
    table.Row(Cells(run, point));
  }
  table.Print();
}

void WriteLine(std::ofstream* file, const std::vector<std::string>& cells) {
  for (size_t i = 0; i < cells.size(); i++) {
    *file << (i == 0 ? "\"" : ",\"") << cells[i] << '"';
  }
  *file << '\n';
}

void WritePoints(const Run& run, size_t k, const std::vector<Point>& points, std::ofstream* file) {
  for (const Point& point : points) {
    std::vector<std::string> cells = {DataText(run.contenders[point.contender].sample->data),
                                      run.options.data.query_name, std::to_string(k)};
    std::vector<std::string> rest = Cells(run, point);
    cells.insert(cells.end(), rest.begin(), rest.end());
    WriteLine(file, cells);
  }
}

std::ofstream OpenPoints(const std::string& path) {
  std::ofstream file;
  if (!path.empty()) {
    file.exceptions(std::ios::failbit | std::ios::badbit);
    file.open(path);
    std::vector<std::string> header = {"data", "queries", "k"};
    header.insert(header.end(), kColumns.begin(), kColumns.end());
    WriteLine(&file, header);
  }
  return file;
}

void PrintHeading(const Run& run) {
  printf("# %s, in process\n\n", DataText(run.data).c_str());
  Paragraph("CPU: " + CpuModel() + "," + InstructionSets() +
            "; vseg's kernels: " + vseg::distance_kernels().target + ". " +
            std::to_string(run.data.queries.rows) + " queries (" + run.options.data.query_name +
            ".fvecs), one thread; built by " + std::to_string(run.options.build.threads) +
            " threads, " + ParametersText(run.options.build) + ".");
  Paragraph(
      "Times are of the CPU in the one thread, median (range) of " +
      std::to_string(run.options.repeat) +
      " repeats, the engines in turns. Pages are vseg's, an average query: asked for, different, "
      "and asked for to read rows. MB and bytes a row are of the whole index, vectors included.");
}

// One for each number of rows; the data is read once for each, so that it finds the exact answers
// of whole data sets in their files.
std::list<Sample> ReadSamples(const Options& options) {
  std::list<Sample> samples;
  for (size_t rows : options.rows) {
    DataSource source = options.data;
    source.rows = rows;
    Progress("reading " + source.directory);
    samples.emplace_back(ReadDataset(source), options.k.back());
  }
  return samples;
}

void MeasureAll(const Options& options) {
  std::list<Sample> samples = ReadSamples(options);
  std::vector<Contender> contenders = BuildContenders(options, samples);
  Run run{options, samples.back().data, contenders};
  PrintHeading(run);
  std::ofstream file = OpenPoints(options.points);
  for (size_t k : options.k) {
    std::vector<Point> points = Sweep(options, contenders, k);
    Heading("k " + std::to_string(k));
    PrintPoints(run, points);
    std::vector<LabelledCurve> curves = Curves(run, points);
    Paragraph("At equal recall, by interpolation of log(time) over recall:");
    PrintEqualRecall(curves, options.recall_targets);
    if (file.is_open()) {
      WritePoints(run, k, points, &file);
    }
    if (!options.curve.empty()) {
      WriteCurves(options.curve + "-k" + std::to_string(k) + ".tsv", curves);
    }
  }
}

}  // namespace
}  // namespace vseg_bench

int main(int argc, char** argv) {
  try {
    vseg_bench::MeasureAll(vseg_bench::ParseOptions(argc, argv));
  } catch (const std::exception& error) {
    fprintf(stderr, "vseg_engine_bench: %s\n", error.what());
    return 1;
  }
  return 0;
}
