#include "engine/compaction/merged_rows.h"

#include <algorithm>
#include <set>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/common/errors.h"
#include "engine/segment/member_extents.h"
#include "test_index.h"

namespace vseg {
namespace {

constexpr uint32_t kDimensions = 24;

class GoOnMonitor final : public BuildMonitor {
 public:
  void inserted(uint32_t /*rows*/) override {}
  bool cancelled() override { return false; }
};

// A segment of rows 0 .. 199 and a run of rows 200 .. 799, of several entry pages, some of them
// dead.
class MergedRows : public testing::Test {
 protected:
  MergedRows()
      : index_(Metric::kL2, kDimensions),
        first_(random_rows(200, kDimensions, 1)),
        second_(random_rows(600, kDimensions, 2)) {
    index_.add_segment(first_);
    index_.add_append_chain(second_, 200).kind = MemberKind::kFlatRun;
    for (uint32_t number : {0u, 7u, 199u, 200u, 799u}) {
      kill(number);
    }
    for (uint32_t number = 0; number < 800; number++) {
      if (dead_.count(number) == 0) {
        alive_.push_back(number);
      }
    }
  }

  MergeInputs inputs() {
    const Metapage& m = index_.metapage();
    return {index_.pages, {m.directory, m.directory + m.directory_count}, kDimensions};
  }

  void kill(uint32_t number) {
    dead_.insert(number);
    if (number < 200) {
      index_.bury(index_.metapage().directory[0], number);
      return;
    }
    const AppendLayout layout = make_append_layout(kDimensions);
    const DirectoryEntry& run = index_.metapage().directory[1];
    BlockNo block = index_.pages.at<AppendChainHeader>(run.header_block, 0).first;
    uint32_t row = number - 200;
    for (; row >= layout.capacity; row -= layout.capacity) {
      block = index_.pages.at<AppendEntriesHeader>(block, 0).next;
    }
    const size_t offset = layout.entries_offset + row * sizeof(AppendEntry);
    index_.pages.at<AppendEntry>(block, offset).flags |= kEntryDead;
  }

  bool is_vector_of(uint32_t number, const float* vector) const {
    const float* expected = number < 200 ? first_.row(number) : second_.row(number - 200);
    return std::equal(expected, expected + kDimensions, vector);
  }

  // Takes all live rows; their numbers.
  std::vector<uint32_t> take(const MergeInputs& inputs, RowMap* map) {
    std::vector<uint32_t> numbers;
    KnownLists known(layer0_degree(16));
    LiveRows rows(inputs, map, &known);
    while (rows.next()) {
      numbers.push_back(number_of(rows.tid()));
      EXPECT_TRUE(is_vector_of(numbers.back(), rows.vector()));
    }
    return numbers;
  }

  TestIndex index_;
  Rows first_;
  Rows second_;
  std::set<uint32_t> dead_;
  std::vector<uint32_t> alive_;
};

TEST_F(MergedRows, TakesTheLiveRowsInOrder) {
  const MergeInputs members = inputs();
  RowMap map(2);
  EXPECT_EQ(take(members, &map), alive_);
}

TEST_F(MergedRows, NotesTheListsOfTheSegment) {
  const MergeInputs members = inputs();
  RowMap map(2);
  KnownLists known(layer0_degree(16));
  LiveRows rows(members, &map, &known);
  while (rows.next()) {
  }
  EXPECT_EQ(known.base(), 197u);
  EXPECT_EQ(known.rows(), 197u);
  EXPECT_EQ(known.dead_rows(), 3u);
  // Rows before and after a dead one: each has the next row among its neighbours.
  std::vector<Ordinal> found;
  known.neighbors(0, &found);  // row 1
  EXPECT_THAT(found, testing::Contains(1));
  found.clear();
  known.neighbors(4, &found);  // row 5
  EXPECT_THAT(found, testing::Contains(5));
  found.clear();
  known.neighbors_of_dead(5, &found);  // row 6, with the dead row 7, behind which is row 8
  EXPECT_THAT(found, testing::Contains(6));
}

TEST_F(MergedRows, AreSortedWithTheLargestSegmentFirstAndRunsLast) {
  std::vector<DirectoryEntry> members(4);
  members[0].kind = MemberKind::kFlatRun;
  for (uint32_t i = 1; i < 4; i++) {
    members[i].kind = MemberKind::kGraphSegment;
    members[i].rows = 100 * i;
  }
  members[3].dead_rows = 250;
  for (uint32_t i = 0; i < 4; i++) {
    members[i].id = i;
  }
  sort_for_merge(&members);
  std::vector<uint32_t> ids(members.size());
  std::transform(members.begin(), members.end(), ids.begin(),
                 [](const DirectoryEntry& entry) { return entry.id; });
  EXPECT_THAT(ids, testing::ElementsAre(2, 1, 3, 0));
}

TEST_F(MergedRows, ReadsTheVectorsOfTheRowsTakenThoughSomeDiedSince) {
  const MergeInputs members = inputs();
  RowMap map(2);
  take(members, &map);
  kill(1);
  kill(500);
  TakenVectors vectors(members, map);
  for (uint32_t number : alive_) {
    ASSERT_TRUE(is_vector_of(number, vectors.next()));
  }
  EXPECT_THROW(vectors.next(), CorruptIndexError);
}

TEST_F(MergedRows, NamesTheRowsThatDiedSinceAndNoOthers) {
  const MergeInputs members = inputs();
  RowMap map(2);
  take(members, &map);
  GoOnMonitor monitor;
  EXPECT_THAT(died_since(members, map, monitor), testing::IsEmpty());
  for (uint32_t number : {1u, 198u, 201u, 798u}) {
    kill(number);
  }
  // Without the dead ones 0, 7, 199 and 200 before them.
  EXPECT_THAT(died_since(members, map, monitor), testing::ElementsAre(0, 196, 197, 794));
}

TEST_F(MergedRows, RefusesAChainThatTakesRows) {
  MergeInputs members = inputs();
  members.members[1].kind = MemberKind::kAppendChain;
  RowMap map(2);
  EXPECT_THROW(take(members, &map), CorruptIndexError);
}

TEST_F(MergedRows, MembersKnowTheExtentsOfAllTheirPages) {
  std::vector<std::set<uint32_t>> expected(2);
  for (const auto& [block, page] : index_.pages.all()) {
    for (uint32_t i = 0; i < 2; i++) {
      if (page.owner == index_.metapage().directory[i].id) {
        expected[i].insert(block / kExtentPages);
      }
    }
  }
  const DirectoryEntry* members = index_.metapage().directory;
  const auto segment =
      segment_extents(index_.pages, members[0].header_block, members[0].id, kDimensions);
  EXPECT_EQ(std::set<uint32_t>(segment.begin(), segment.end()), expected[0]);
  const auto chain =
      chain_extents(index_.pages, members[1].header_block, members[1].id, kDimensions);
  EXPECT_EQ(std::set<uint32_t>(chain.begin(), chain.end()), expected[1]);
}

TEST_F(MergedRows, AChainOwnsTheExtentItHasNotUsedYet) {
  const DirectoryEntry& run = index_.metapage().directory[1];
  const BlockNo tail = index_.pages.at<AppendChainHeader>(run.header_block, 0).tail;
  index_.pages.at<AppendEntriesHeader>(tail, 0).extent = 4711;
  EXPECT_THAT(chain_extents(index_.pages, run.header_block, run.id, kDimensions),
              testing::Contains(4711));
}

}  // namespace
}  // namespace vseg
