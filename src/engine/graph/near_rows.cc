#include "engine/graph/near_rows.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <random>
#include <utility>
#include <vector>

#include "engine/common/worker_threads.h"
#include "engine/kernels/distance.h"

#include "engine/common/engine_only.h"

namespace vseg {
namespace {

// A row belongs to a group whose first row is nearer than this part of the typical distance.
constexpr float kNear = 1.0F / 64;

// Cells, in parts of what a group reaches: so wide that few groups are cut. As many projections as
// tell millions of rows apart. By the sum of random signs times coordinates, two rows are seldom
// farther apart than twice their distance.
constexpr float kCellWidth = 16;
constexpr float kReach = 2;
constexpr uint32_t kProjections = 6;

// The typical distance is judged by so many rows, which look at so many.
constexpr uint32_t kAskedRows = 32;
constexpr uint32_t kLookedAt = 2048;

// Groups may hold half of the rows, so the median would be theirs.
constexpr double kQuantile = 0.7;

// Of a cell, whose rows are otherwise few, the last so many groups are compared with.
constexpr size_t kGroupsPerCell = 8;

// A row's place in the grid, in cells.
using Place = std::array<float, kProjections>;

struct CellRow {
  uint64_t cell;
  Ordinal row;
};

class NearRows {
 public:
  NearRows(const RowStore& rows, const RowGroups& equal, BuildMonitor& monitor)
      : rows_(rows), equal_(equal), check_(monitor), row_(rows.dimensions()), other_(row_) {}

  RowGroups find() {
    RowGroups groups;
    const float near = kNear * typical_distance();
    if (!(near > 0) || !std::isfinite(near)) {
      return groups;
    }
    near_ = near;
    choose_projections();
    sort_into_cells();
    group_of_.assign(rows_.rows(), RowGroups::kNone);
    for (size_t begin = 0, end; begin < cells_.size(); begin = end) {
      end = end_of_cell(begin);
      if (end - begin > 1) {
        group_cell(begin, end);
      }
    }
    for (uint32_t group = 0; group < found_.size(); ++group) {
      join_across_edges(group);
    }
    std::vector<CellRow>().swap(cells_);
    std::vector<uint32_t>().swap(group_of_);
    for (std::vector<Ordinal>& members : found_) {
      if (!members.empty()) {
        put_middle_first(&members);
        groups.add(members.begin(), members.end());
      }
    }
    groups.finish(rows_.rows());
    return groups;
  }

 private:
  bool is_original(Ordinal row) const { return equal_.first(row) == row; }

  // Euclidean, whatever the metric; rows may be far from the origin, so not by inner products.
  // Squared.
  float distance_to_read(Ordinal row) {
    rows_.read(row, other_.data());
    return kernels_.l2_squared(row_.data(), other_.data(), row_.size());
  }

  // What lies, mostly, between a row and its nearest other.
  float typical_distance() {
    const uint32_t asked = std::min(rows_.rows(), kAskedRows);
    const uint32_t looked_at = std::min(rows_.rows(), kLookedAt);
    std::vector<float> nearest;
    for (uint32_t i = 0; i < asked; ++i) {
      const auto row = static_cast<Ordinal>((2 * i + 1) * uint64_t{rows_.rows()} / (2 * asked));
      if (!is_original(row)) {
        continue;
      }
      rows_.read(row, row_.data());
      float least = std::numeric_limits<float>::infinity();
      for (uint32_t j = 0; j < looked_at; ++j) {
        check_.step();
        const auto other = static_cast<Ordinal>(j * uint64_t{rows_.rows()} / looked_at);
        const float distance = distance_to_read(other);
        least = distance > 0 ? std::min(least, distance) : least;
      }
      nearest.push_back(least);
    }
    if (nearest.empty()) {
      return 0;
    }
    const auto place =
        nearest.begin() + static_cast<ptrdiff_t>(kQuantile * static_cast<double>(nearest.size()));
    std::nth_element(nearest.begin(), place, nearest.end());
    return std::sqrt(*place);
  }

  void choose_projections() {
    std::mt19937 random(1);
    for (std::vector<float>& signs : projections_) {
      signs.resize(rows_.dimensions());
      for (float& sign : signs) {
        sign = (random() & 1U) != 0 ? 1.0F : -1.0F;
      }
    }
  }

  // Of the row that was read last.
  Place place() const {
    Place place;
    for (uint32_t i = 0; i < kProjections; ++i) {
      const float sum = kernels_.inner_product(projections_[i].data(), row_.data(), row_.size());
      place[i] = sum / (kCellWidth * near_);
    }
    return place;
  }

  static uint64_t cell_of(const Place& place) {
    uint64_t cell = 0;
    for (const float at : place) {
      cell = (cell ^ number(std::floor(at))) * 0x9E3779B97F4A7C15;
      cell ^= cell >> 32;
    }
    return cell;
  }

  // Sums may overflow: what is far out is one place, and distances tell.
  static uint64_t number(float at) {
    constexpr float kFarthest = 1e15F;
    return std::fabs(at) < kFarthest ? static_cast<uint64_t>(static_cast<int64_t>(at)) : 0;
  }

  // The originals, cell by cell, ascending in each.
  void sort_into_cells() {
    cells_.reserve(rows_.rows());
    for (Ordinal row = 0; row < rows_.rows(); ++row) {
      check_.step();
      if (is_original(row)) {
        rows_.read(row, row_.data());
        cells_.push_back({cell_of(place()), row});
      }
    }
    std::sort(cells_.begin(), cells_.end(), [](const CellRow& a, const CellRow& b) {
      return a.cell != b.cell ? a.cell < b.cell : a.row < b.row;
    });
  }

  size_t end_of_cell(size_t begin) const {
    size_t end = begin + 1;
    while (end < cells_.size() && cells_[end].cell == cells_[begin].cell) {
      ++end;
    }
    return end;
  }

  void group_cell(size_t begin, size_t end) {
    std::vector<std::vector<Ordinal>> found;
    for (; begin < end; ++begin) {
      check_.step();
      const Ordinal row = cells_[begin].row;
      rows_.read(row, row_.data());
      const size_t from = found.size() - std::min(found.size(), kGroupsPerCell);
      const auto group = std::find_if(found.begin() + static_cast<ptrdiff_t>(from), found.end(),
                                      [&](const auto& members) { return is_near(members[0]); });
      if (group == found.end()) {
        found.push_back({row});
      } else {
        group->push_back(row);
      }
    }
    for (std::vector<Ordinal>& members : found) {
      if (members.size() > 1) {
        for (const Ordinal row : members) {
          group_of_[row] = static_cast<uint32_t>(found_.size());
        }
        found_.push_back(std::move(members));
      }
    }
  }

  bool is_near(Ordinal row) { return distance_to_read(row) < near_ * near_; }

  // Where the first row of a group is near the edge of its cell, others may be behind it.
  void join_across_edges(uint32_t group) {
    if (found_[group].empty()) {
      return;
    }
    check_.step();
    rows_.read(found_[group][0], row_.data());
    const Place own = place();
    std::vector<Place> places = {own};
    for (uint32_t i = 0; i < kProjections; ++i) {
      for (const float step : {-kReach / kCellWidth, kReach / kCellWidth}) {
        if (std::floor(own[i] + step) != std::floor(own[i])) {
          for (size_t j = 0, known = places.size(); j < known; ++j) {
            places.push_back(places[j]);
            places.back()[i] = own[i] + step;
          }
        }
      }
    }
    for (size_t j = 1; j < places.size(); ++j) {
      join_cell(cell_of(places[j]), group);
    }
  }

  // Rows alone, and whole groups by their first row.
  void join_cell(uint64_t cell, uint32_t group) {
    constexpr size_t kMostCompared = 256;
    auto at = std::lower_bound(cells_.begin(), cells_.end(), cell,
                               [](const CellRow& a, uint64_t b) { return a.cell < b; });
    size_t compared = 0;
    for (; at != cells_.end() && at->cell == cell && compared < kMostCompared; ++at) {
      check_.step();
      const uint32_t other = group_of_[at->row];
      const bool alone = other == RowGroups::kNone;
      if (other == group || (!alone && found_[other][0] != at->row)) {
        continue;
      }
      ++compared;
      if (!is_near(at->row)) {
        continue;
      }
      const std::vector<Ordinal> joined =
          alone ? std::vector<Ordinal>{at->row} : std::exchange(found_[other], {});
      for (const Ordinal row : joined) {
        group_of_[row] = group;
      }
      found_[group].insert(found_[group].end(), joined.begin(), joined.end());
    }
  }

  // The row nearest to the middle: to the others it is nearer than they are to each other, which
  // would make it the only neighbour of all.
  void put_middle_first(std::vector<Ordinal>* members) {
    std::vector<double> sums(row_.size());
    for (const Ordinal row : *members) {
      rows_.read(row, row_.data());
      std::transform(sums.begin(), sums.end(), row_.begin(), sums.begin(), std::plus<>());
    }
    const auto count = static_cast<double>(members->size());
    std::transform(sums.begin(), sums.end(), row_.begin(),
                   [count](double sum) { return static_cast<float>(sum / count); });
    size_t middle = 0;
    float nearest = std::numeric_limits<float>::infinity();
    for (size_t i = 0; i < members->size(); ++i) {
      check_.step();
      const float distance = distance_to_read((*members)[i]);
      if (distance < nearest) {
        nearest = distance;
        middle = i;
      }
    }
    std::swap(members->front(), (*members)[middle]);
  }

  const RowStore& rows_;
  const RowGroups& equal_;
  CancelCheck check_;
  const DistanceKernels& kernels_ = distance_kernels();
  float near_ = 0;
  std::array<std::vector<float>, kProjections> projections_;
  std::vector<CellRow> cells_;
  std::vector<uint32_t> group_of_;           // of each row, in found_
  std::vector<std::vector<Ordinal>> found_;  // emptied where another took them
  std::vector<float> row_;                   // read last
  std::vector<float> other_;
};

}  // namespace

RowGroups find_near_rows(const RowStore& rows, const RowGroups& equal, BuildMonitor& monitor) {
  return NearRows(rows, equal, monitor).find();
}

}  // namespace vseg
