#include "engine/graph/copies.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "engine/common/worker_threads.h"

#include "engine/common/engine_only.h"

namespace vseg {
namespace {

struct HashedRow {
  uint64_t hash;
  Ordinal row;
};

// Of the slots of a list in a group, one in so many leads to another row of the group.
constexpr uint32_t kSlotsPerLink = 4;

// Rows of a group that lists outside of it name. A search meets each of them as a row of its own,
// so they are few; but some of them may die.
constexpr uint32_t kEntrances = 4;

// Spread, so that any number of rows who ask come to all members alike (Knuth's multiplicative
// hashing, the high bits).
uint32_t scattered(Ordinal row, uint32_t below) {
  const uint32_t mixed = row * 2654435761U;
  return static_cast<uint32_t>(uint64_t{mixed} * below >> 32);
}

// How far ahead in the ring of its group each link of a row leads: to all others where these are
// few, else 1 and ever farther, as in a Chord ring: from each to any other it takes few steps, and
// many ways lead there.
std::vector<uint32_t> link_steps(uint32_t size, uint32_t links) {
  std::vector<uint32_t> steps;
  const double ratio = std::pow(static_cast<double>(size), 1.0 / links);
  double step = 1;
  for (uint32_t i = 0; i < links; ++i, step *= ratio) {
    const uint32_t least = steps.empty() ? 1 : steps.back() + 1;
    steps.push_back(std::max(least, static_cast<uint32_t>(step)));
  }
  return steps;
}

}  // namespace

Copies::Copies(const RowStore& rows, BuildMonitor& monitor) {
  CancelCheck check(monitor);
  std::vector<HashedRow> hashed;
  hashed.reserve(rows.rows());
  for (Ordinal row = 0; row < rows.rows(); ++row) {
    check.step();
    hashed.push_back({rows.hash(row), row});
  }
  std::sort(hashed.begin(), hashed.end(), [](const HashedRow& a, const HashedRow& b) {
    return a.hash != b.hash ? a.hash < b.hash : a.row < b.row;
  });
  for (size_t begin = 0, end; begin < hashed.size(); begin = end) {
    check.step();
    end = begin + 1;
    while (end < hashed.size() && hashed[end].hash == hashed[begin].hash &&
           rows.equal(hashed[begin].row, hashed[end].row)) {
      ++end;
    }
    if (end - begin > 1) {
      starts_.push_back(static_cast<uint32_t>(members_.size()));
      for (size_t i = begin; i < end; ++i) {
        members_.push_back(hashed[i].row);
      }
    }
  }
  if (starts_.empty()) {
    return;
  }
  starts_.push_back(static_cast<uint32_t>(members_.size()));
  std::vector<HashedRow>().swap(hashed);
  groups_.assign(rows.rows(), kNoGroup);
  for (Group group = 0; group < groups_count(); ++group) {
    for (uint32_t i = starts_[group]; i < starts_[group + 1]; ++i) {
      groups_[members_[i]] = group;
    }
  }
}

void Copies::make_originals(Ordinal row, std::vector<Ordinal>* rows) const {
  if (none()) {
    return;
  }
  auto end = rows->begin();
  for (const Ordinal other : *rows) {
    const Ordinal first = original(other);
    if (first != row && std::find(rows->begin(), end, first) == end) {
      *end++ = first;
    }
  }
  rows->erase(end, rows->end());
}

Ordinal Copies::entrance(Group group, Ordinal asking) const {
  const uint64_t entrances = std::min(size(group), kEntrances);
  const uint64_t chosen = scattered(asking, static_cast<uint32_t>(entrances));
  return members_[starts_[group] + chosen * size(group) / entrances];
}

void Copies::share_list(Group group, Graph* graph) const {
  const Ordinal* members = members_.data() + starts_[group];
  const uint32_t size = this->size(group);
  const uint32_t links = std::min(size - 1, std::max(1U, graph->degree / kSlotsPerLink));
  const std::vector<uint32_t> steps = link_steps(size, links);
  const Ordinal* list = graph->list(members[0]);
  const std::vector<Ordinal> others(
      list, list + std::min(graph->list_size(members[0]), graph->degree - links));
  for (uint32_t i = 0; i < size; ++i) {
    Ordinal* to = std::copy(others.begin(), others.end(), graph->list(members[i]));
    for (const uint32_t step : steps) {
      *to++ = members[(i + step) % size];
    }
    std::fill(to, graph->list(members[i]) + graph->degree, kNoOrdinal);
  }
}

void Copies::share_lists(Graph* graph) const {
  if (none()) {
    return;
  }
  for (Group group = 0; group < groups_count(); ++group) {
    share_list(group, graph);
  }
  for (Ordinal row = 0; row < graph->rows; ++row) {
    Ordinal* list = graph->list(row);
    for (uint32_t i = 0; i < graph->degree && list[i] != kNoOrdinal; ++i) {
      const Group group = groups_[list[i]];
      if (group != kNoGroup && group != groups_[row]) {
        list[i] = entrance(group, row);
      }
    }
  }
}

}  // namespace vseg
