#include "engine/search/search_cost.h"

#include <algorithm>
#include <cmath>

#include "engine/format/append_format.h"
#include "engine/format/segment_format.h"
#include "engine/quantizer/edge_codes.h"
#include "engine/search/rounds.h"
#include "engine/search/scan_choice.h"

#include "engine/common/engine_only.h"

namespace vseg {
namespace {

// In microseconds; measured by `bench/run plans`, whose figures are in docs/measurements.md.
constexpr double kPerSearch = 15;       // metapage, the query's own codes, the executor's start
constexpr double kPerMember = 4;        // header, first pages, a cursor
constexpr double kPerRow = 0.12;        // that is returned: a page of TIDs, the merge
constexpr double kCodeByte = 1e-4;      // in the order of pages
constexpr double kCodedChain = 25;      // the query as its codes are compared with it
constexpr double kAppendedRow = 0.015;  // whatever its codes

// Pages read before any node: the metapage; header, and entry points or tail, of a member.
constexpr double kFixedPages = 1;
constexpr double kPagesPerMember = 3;

// Appended rows whose vectors are read, since their codes do not tell: x / (1 + x) of them, where x
// grows with the share of the rows that is looked for, and with 1 / dimensions: the fewer, the
// wider the bounds.
constexpr double kComparedPerRow = 22500;
constexpr double kComparedAnyway = 12;

// Of the rows that a later round searches for, so many are expanded; all are compared.
constexpr double kExpandedPerRow = 0.5;
constexpr double kFewestExpanded = 40;

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
    searched_for_ = searched_for();
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
  // Rows that the scan has searched for when it has returned those that are wanted.
  double searched_for() const {
    uint64_t rows = ef_;
    while (static_cast<double>(confirmed_rows(rows, ef_)) < wanted_ &&
           static_cast<double>(rows) < live_rows_) {
      rows = rows_of_next_round(rows);
    }
    return std::min(static_cast<double>(rows), std::max(live_rows_, 1.0));
  }

  double share(const MemberSize& member) const {
    return live_rows(member) / std::max(live_rows_, 1.0);
  }

  void add_segment(const MemberSize& member, bool bounded) {
    const SegmentSearch search = {
        member.rows,   member.rows - member.dead_rows,           ef_,    index_.dimensions,
        index_.metric, live_rows(member) / live_rows_in_graphs_, bounded};
    if (prefers_scan(search)) {
      compare(live_rows(member), scan_time(search) / 1000);
      return;
    }
    walk(member, steps_of_walk(search));
    double left = live_rows(member) - ef_ * share(member);
    for (uint64_t rows = ef_; static_cast<double>(rows) < searched_for_ && left > 0;) {
      const uint64_t next = rows_of_next_round(rows);
      const double more = static_cast<double>(next - rows) * share(member);
      if (compares_rest(member, left, more)) {
        return;
      }
      add_round(member, std::min(more, left));
      left -= more;
      rows = next;
    }
  }

  // Where a round would take longer than comparing all rows that are left, these are compared.
  bool compares_rest(const MemberSize& member, double left, double wanted) {
    const SegmentSearch rest = {member.rows,
                                static_cast<uint64_t>(left),
                                static_cast<uint32_t>(std::ceil(wanted)),
                                index_.dimensions,
                                index_.metric,
                                1,
                                false};
    if (!prefers_scan(rest)) {
      return false;
    }
    compare(left, scan_time(rest) / 1000);
    return true;
  }

  // Dead rows are expanded beside live ones.
  void add_round(const MemberSize& member, double wanted) {
    if (!has_edge_codes(index_.metric)) {
      walk(member, wanted * static_cast<double>(member.rows) / live_rows(member));
      return;
    }
    const double kept = rows_to_keep(static_cast<uint32_t>(std::ceil(wanted)), index_.dimensions);
    const double expanded = std::max(kept * kExpandedPerRow, std::min(kept, kFewestExpanded));
    walk(member, expanded * static_cast<double>(member.rows) / live_rows(member));
    compare(kept, kept * row_time(index_.dimensions) / 1000);
  }

  void walk(const MemberSize& member, double steps) {
    const double all = static_cast<double>(member.rows);
    cost_.steps += steps;
    cost_.pages += std::min(steps, all) * pages_per_step_;
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
      cost_.microseconds += (rows > 0 ? kCodedChain : 0) + bytes * kCodeByte;
      const double looked_for = searched_for_ * share(member);
      const double x = (kComparedPerRow * looked_for / std::max(rows, 1.0) + kComparedAnyway) /
                       index_.dimensions;
      compared = rows * x / (1 + x);
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
  double searched_for_;
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
