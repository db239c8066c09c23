// Whether a segment is searched by its graph or by all its live rows.
#ifndef VSEG_ENGINE_SEARCH_SCAN_CHOICE_H_
#define VSEG_ENGINE_SEARCH_SCAN_CHOICE_H_

#include <cstdint>

#include "engine/common/types.h"

namespace vseg {

// A search's first batch of a segment.
struct SegmentSearch {
  uint64_t rows;       // dead ones included
  uint64_t live_rows;  // <= rows
  uint32_t ef;
  uint32_t dimensions;
  Metric metric;
  double share;  // of the live rows of all members
  bool bounded;  // other members have been searched before: a bound ends the walk early
};

// Nodes that a walk of the graph is expected to expand for `ef` live rows.
// REQUIRES: live_rows > 0.
double steps_of_walk(const SegmentSearch& search);

// What a step of a walk takes, and comparing a row of a scan, in nanoseconds.
double step_time(uint32_t dimensions, Metric metric);
double row_time(uint32_t dimensions);

// What comparing all live rows takes, tombstones included, in nanoseconds.
double scan_time(const SegmentSearch& search);

// True where comparing all live rows is expected to take less time than walking the graph for `ef`
// of them. A pure function. With rows, ef and share fixed, a segment that is scanned goes on
// being scanned when it loses live rows.
bool prefers_scan(const SegmentSearch& search);

// Rows that a walk must have found for `ef` of them to be right: more, where estimates are rough.
uint32_t rows_to_keep(uint32_t ef, uint32_t dimensions);

// Live rows found before a bound may end the walk of a segment with such a share of all live rows.
uint32_t rows_before_bound(uint32_t ef, double share, Metric metric);

}  // namespace vseg

#endif  // VSEG_ENGINE_SEARCH_SCAN_CHOICE_H_
