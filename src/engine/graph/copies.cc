#include "engine/graph/copies.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "engine/common/worker_threads.h"
#include "engine/graph/near_rows.h"

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

uint32_t links_of_group(uint32_t size, uint32_t degree) {
  return std::min(size - 1, std::max(1U, degree / kSlotsPerLink));
}

uint32_t entrances(uint32_t size) { return std::min(size, kEntrances); }

Ordinal entrance(const RowGroups& groups, RowGroups::Group group, uint32_t number) {
  const uint64_t size = groups.size(group);
  return groups.members(group)[number * size / entrances(groups.size(group))];
}

// Of one group, whose lists are written.
class GroupLists {
 public:
  GroupLists(const RowGroups& groups, RowGroups::Group group, Graph* graph)
      : members_(groups.members(group)),
        size_(groups.size(group)),
        graph_(*graph),
        steps_(link_steps(size_, links_of_group(size_, graph->degree))),
        shared_(graph->list(members_[0]),
                graph->list(members_[0]) + graph->list_size(members_[0])) {}

  // What is shared, and links around the ring.
  void write_ring(uint32_t member) {
    links_.clear();
    for (const uint32_t step : steps_) {
      links_.push_back(members_[(member + step) % size_]);
    }
    write(members_[member]);
  }

  // Likewise, and a link to the first row, which the others' graph does not have.
  void write_entrance(uint32_t number) {
    const auto member = static_cast<uint32_t>(uint64_t{number} * size_ / entrances(size_));
    write_ring(member);
    Ordinal* last = graph_.list(members_[member]) + graph_.list_size(members_[member]) - 1;
    if (member > 0 && std::find(links_.begin(), links_.end(), members_[0]) == links_.end()) {
      *last = members_[0];
    }
  }

  // What is shared, as far as there is room beside the row's own list.
  void add_shared(Ordinal row) {
    links_.assign(graph_.list(row), graph_.list(row) + graph_.list_size(row));
    write(row);
  }

  uint32_t size() const { return size_; }

 private:
  void write(Ordinal row) {
    const size_t room = graph_.degree - links_.size();
    Ordinal* list = graph_.list(row);
    Ordinal* to = std::copy_n(shared_.begin(), std::min(shared_.size(), room), list);
    to = std::copy(links_.begin(), links_.end(), to);
    std::fill(to, list + graph_.degree, kNoOrdinal);
  }

  const Ordinal* members_;
  uint32_t size_;
  Graph& graph_;
  std::vector<uint32_t> steps_;
  std::vector<Ordinal> shared_;  // the list of the first row
  std::vector<Ordinal> links_;   // of the row being written
};

// Lists that name the first row of a group now name one of its entrances.
void spread_over_entrances(const RowGroups& groups, Graph* graph) {
  for (Ordinal row = 0; row < graph->rows; ++row) {
    Ordinal* list = graph->list(row);
    for (uint32_t i = 0; i < graph->degree && list[i] != kNoOrdinal; ++i) {
      const RowGroups::Group group = groups.of(list[i]);
      if (group != RowGroups::kNone && group != groups.of(row)) {
        list[i] = entrance(groups, group, scattered(row, entrances(groups.size(group))));
      }
    }
  }
}

RowGroups find_equal_rows(const RowStore& rows, BuildMonitor& monitor) {
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
  RowGroups groups;
  std::vector<Ordinal> members;
  for (size_t begin = 0, end; begin < hashed.size(); begin = end) {
    check.step();
    members.assign(1, hashed[begin].row);
    end = begin + 1;
    while (end < hashed.size() && hashed[end].hash == hashed[begin].hash &&
           rows.equal(hashed[begin].row, hashed[end].row)) {
      members.push_back(hashed[end++].row);
    }
    if (members.size() > 1) {
      groups.add(members.begin(), members.end());
    }
  }
  std::vector<HashedRow>().swap(hashed);
  groups.finish(rows.rows());
  return groups;
}

}  // namespace

Copies::Copies(const RowStore& rows, BuildMonitor& monitor)
    : equal_(find_equal_rows(rows, monitor)), near_(find_near_rows(rows, equal_, monitor)) {}

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

// Few rows all have links to each other.
bool Copies::has_graph(RowGroups::Group group, uint32_t degree) const {
  return near_.size(group) - 1 > links_of_group(near_.size(group), degree);
}

void Copies::share_lists(Graph* graph) const {
  for (RowGroups::Group group = 0; group < near_.count(); ++group) {
    GroupLists lists(near_, group, graph);
    if (!has_graph(group, graph->degree)) {
      for (uint32_t i = 0; i < lists.size(); ++i) {
        lists.write_ring(i);
      }
      continue;
    }
    for (uint32_t i = 1; i < lists.size(); ++i) {
      lists.add_shared(near_.members(group)[i]);
    }
    // Whoever comes from outside goes on with much of what is shared, or else far into the group.
    for (uint32_t i = 0; i < entrances(lists.size()); ++i) {
      lists.write_entrance(i);
    }
  }
  if (!near_.none()) {
    spread_over_entrances(near_, graph);
  }
  for (RowGroups::Group group = 0; group < equal_.count(); ++group) {
    GroupLists lists(equal_, group, graph);
    for (uint32_t i = 0; i < lists.size(); ++i) {
      lists.write_ring(i);
    }
  }
  if (!equal_.none()) {
    spread_over_entrances(equal_, graph);
  }
}

}  // namespace vseg
