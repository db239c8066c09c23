#include "engine/search/search_cost.h"

#include <algorithm>
#include <cmath>

#include "engine/format/append_format.h"
#include "engine/format/segment_format.h"
#include "engine/quantizer/edge_codes.h"
#include "engine/search/scan_choice.h"

#include "engine/common/engine_only.h"

namespace vseg {
namespace {

// In microseconds; measured by `bench/run plans`, whose figures are in docs/measurements.md.
constexpr double kPerSearch = 15;      // metapage, the query's own codes, the executor's start
constexpr double kPerMember = 4;       // header, first pages, a cursor
constexpr double kPerRow = 0.3;        // that is returned: a page of TIDs, the merge
constexpr double kCodeByte = 1e-4;     // in the order of pages
constexpr double kAppendedRow = 0.01;  // whatever its codes

// Pages read before any node: the metapage; header, and entry points or tail, of a member.
constexpr double kFixedPages = 1;
constexpr double kPagesPerMember = 3;

// Appended rows whose vectors are read: for each row looked for, and whose codes do not tell.
constexpr double kComparedPerRow = 2;
constexpr double kComparedAnyway = 0.02;

// Steps for a row beyond the first batch: one, and more for each time that the rows wanted double,
// since a batch takes up again what those before it set aside; up to so many for each row there is.
constexpr double kStepsPerDoubling = 1.1;
constexpr double kMostStepsPerRow = 6;
constexpr double kMostStepsOfAll = 3;

double live_rows(const MemberSize& member) {
  return static_cast<double>(member.rows - std::min(member.rows, member.dead_rows));
}

// The cost of one scan, added up member by member.
class Scan {
 public:
  Scan(const IndexSize& index, uint32_t ef, double wanted)
      : index_(index), ef_(ef), live_rows_(index.live_rows()) {
    for (uint32_t i = 0; i < index.member_count; i++) {
      live_rows_in_graphs_ += index.members[i].has_graph ? live_rows(index.members[i]) : 0;
    }
    wanted_ = std::clamp(wanted, 1.0, std::max(1.0, live_rows_));
    cost_.pages = kFixedPages;
    cost_.microseconds = kPerSearch + wanted_ * kPerRow;
    const uint32_t degree = layer0_degree(index.m);
    const NodeLayout layout =
        make_node_layout(choose_node_shape(index.metric, index.dimensions, degree));
    pages_per_step_ = has_edge_codes(index.metric) ? layout.pages_per_node : degree;
  }

  void add(const MemberSize& member, bool bounded) {
    cost_.pages += kPagesPerMember;
    cost_.microseconds += kPerMember;
    if (!member.has_graph) {
      add_appended(member);
    } else if (live_rows(member) > 0) {
      add_segment(member, bounded);
    }
  }

  SearchCost cost() const {
    SearchCost cost = cost_;
    cost.pages += wanted_;  // of TIDs
    return cost;
  }

 private:
  // Rows wanted of a member beyond the ef of the first batch.
  double rows_beyond(const MemberSize& member) const {
    return std::max(0.0, wanted_ - ef_) * live_rows(member) / std::max(live_rows_, 1.0);
  }

  void add_segment(const MemberSize& member, bool bounded) {
    const SegmentSearch search = {
        member.rows,   member.rows - member.dead_rows,           ef_,    index_.dimensions,
        index_.metric, live_rows(member) / live_rows_in_graphs_, bounded};
    if (prefers_scan(search)) {
      compare(live_rows(member), scan_time(search) / 1000);
      return;
    }
    const double doublings = std::log2(std::max(1.0, wanted_ / ef_));
    const double alive = live_rows(member) / static_cast<double>(member.rows);
    const double per_row = std::min(kMostStepsPerRow, 1 + kStepsPerDoubling * doublings) / alive;
    const double beyond =
        std::min(rows_beyond(member) * per_row, kMostStepsOfAll * static_cast<double>(member.rows));
    const double steps = steps_of_walk(search) + beyond;
    cost_.steps += steps;
    // A row is read again from where it was found, not once a step.
    cost_.pages += std::min(steps, static_cast<double>(member.rows)) * pages_per_step_;
    cost_.microseconds += steps * step_time(index_.dimensions, index_.metric) / 1000;
  }

  void add_appended(const MemberSize& member) {
    const AppendLayout layout = make_append_layout(index_.dimensions);
    const auto rows = static_cast<double>(member.rows);
    double compared = rows;
    cost_.microseconds += rows * kAppendedRow;
    if (has_append_codes(index_.metric, layout)) {
      const double bytes = rows * layout.group_bytes / kAppendGroupRows;
      cost_.code_bytes += bytes;
      cost_.pages += bytes / kPagePayload;
      cost_.microseconds += bytes * kCodeByte;
      const double looked_for =
          std::min<double>(ef_, rows) + rows_beyond(member) * kMostStepsPerRow;
      compared = std::min(rows, kComparedPerRow * looked_for + kComparedAnyway * rows);
    }
    compare(compared, compared * row_time(index_.dimensions) / 1000);
  }

  void compare(double rows, double microseconds) {
    cost_.rows += rows;
    cost_.pages += rows * pages_per_vector();
    cost_.microseconds += microseconds;
  }

  double pages_per_vector() const {
    return static_cast<double>(index_.dimensions * sizeof(float)) / kPagePayload;
  }

  const IndexSize& index_;
  uint32_t ef_;
  double live_rows_;
  double live_rows_in_graphs_ = 0;
  double wanted_;
  double pages_per_step_;
  SearchCost cost_;
};

}  // namespace

double IndexSize::live_rows() const {
  double rows = 0;
  for (uint32_t i = 0; i < member_count; i++) {
    rows += vseg::live_rows(members[i]);
  }
  return rows;
}

SearchCost search_cost(const IndexSize& index, uint32_t ef, double wanted) {
  const MemberSize* largest = nullptr;
  for (uint32_t i = 0; i < index.member_count; i++) {
    const MemberSize& member = index.members[i];
    if (member.has_graph && (largest == nullptr || live_rows(member) > live_rows(*largest))) {
      largest = &member;
    }
  }
  Scan scan(index, std::max(ef, 1U), wanted);
  for (uint32_t i = 0; i < index.member_count; i++) {
    scan.add(index.members[i], &index.members[i] != largest);
  }
  return scan.cost();
}

}  // namespace vseg
