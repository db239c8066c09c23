#include "engine/search/scan_choice.h"

#include <algorithm>
#include <cmath>

#include "engine/format/entry_tree.h"
#include "engine/quantizer/edge_codes.h"
#include "engine/quantizer/rotation.h"

#include "engine/common/engine_only.h"

namespace vseg {
namespace {

// What a step of a walk and a row of a scan cost, in nanoseconds; measured in docs/measurements.md.
constexpr double kStep = 1100;
constexpr double kStepPerDimension = 1.2;
constexpr double kRow = 60;
constexpr double kRowPerDimension = 0.45;
constexpr double kTombstone = 0.2;

// Without codes a step reads the rows that it sees, about so many, from all over the segment.
constexpr double kRowsPerStep = 8;

}  // namespace

double steps_of_walk(const SegmentSearch& search) {
  // What it takes to come near the query, with and without a bound, entry blocks included; and from
  // the few entry points that other metrics have.
  constexpr double kWay = 25;
  constexpr double kBoundedWay = 15;
  constexpr double kFromFar = 4;  // times as far
  // Rows expanded for each row found.
  constexpr double kExpanded = 1.2;
  // The walk passes fewer dead rows than that over.
  constexpr double kDeadShare = 0.5;
  const double kept =
      search.bounded ? rows_before_bound(search.ef, search.share, search.metric)
                     : (has_edge_codes(search.metric) ? rows_to_keep(search.ef, search.dimensions)
                                                      : search.ef);
  const auto rows = static_cast<double>(search.rows);
  const auto live = static_cast<double>(search.live_rows);
  const bool passes_over = has_edge_codes(search.metric) && live > (1 - kDeadShare) * rows;
  const double found = passes_over ? kept : kept * rows / live;
  const double way =
      (search.bounded ? kBoundedWay : kWay) * (has_deep_entry_tree(search.metric) ? 1 : kFromFar);
  return std::min(rows, way + kExpanded * found);
}

double row_time(uint32_t dimensions) { return kRow + kRowPerDimension * dimensions; }

double step_time(uint32_t dimensions, Metric metric) {
  return has_edge_codes(metric) ? kStep + kStepPerDimension * dimensions
                                : kRowsPerStep * row_time(dimensions);
}

double scan_time(const SegmentSearch& search) {
  return static_cast<double>(search.live_rows) * row_time(search.dimensions) +
         static_cast<double>(search.rows) * kTombstone;
}

bool prefers_scan(const SegmentSearch& search) {
  if (search.live_rows == 0) {
    return true;
  }
  return scan_time(search) < steps_of_walk(search) * step_time(search.dimensions, search.metric);
}

// Codes of one bit a coordinate estimate a distance with an error whose variance falls with the
// number of coordinates (Gao & Long, SIGMOD 2024, theorem 3.2): few of them call for more rows to
// be compared exactly. Measured in docs/measurements.md.
uint32_t rows_to_keep(uint32_t ef, uint32_t dimensions) {
  constexpr uint32_t kEnough = 128;  // coordinates
  const uint32_t padded = padded_dimensions(dimensions);
  return padded >= kEnough ? ef : static_cast<uint32_t>(uint64_t{ef} * kEnough / padded);
}

// Few, for a walk begins near the query; more where it begins far away, and where more of the
// nearest rows are likely to be in the segment. Of 50,000 rows of 768 dimensions, 10,000 of them
// dead and written anew into one small segment, a search at ef 40 reads 87.5 pages at recall@10
// 0.997 with 6 rows, 86.3 at 0.995 with 4; of 4,000, 2,000 and 1,000 in three, 104.6 at 0.994 with
// 4, 101.1 at 0.993 with 4, 3 and 3.
uint32_t rows_before_bound(uint32_t ef, double share, Metric metric) {
  constexpr uint32_t kMinRows = 4;
  constexpr uint32_t kMinRowsFromFar = 10;
  constexpr double kAnyway = 0.05;  // of ef
  constexpr double kOfExpected = 0.5;
  constexpr double kMostShare = 0.2;
  const double rows = ef * (kAnyway + kOfExpected * std::min(share, kMostShare));
  return std::max(static_cast<uint32_t>(std::ceil(rows)),
                  has_deep_entry_tree(metric) ? kMinRows : kMinRowsFromFar);
}

}  // namespace vseg
