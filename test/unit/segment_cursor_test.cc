#include "engine/search/segment_cursor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <set>
#include <vector>

#include "engine/search/append_cursor.h"
#include "test_index.h"

namespace vseg {
namespace {

using testing::SizeIs;

// Distance and number of live rows, nearest first.
using Found = std::vector<std::pair<float, uint32_t>>;

Found exact(const Rows& rows, const Query& query, const std::set<uint32_t>& dead = {}) {
  Found found;
  for (uint32_t i = 0; i < rows.count(); i++) {
    if (dead.count(i) == 0) {
      found.emplace_back(query.distance(rows.row(i)), i);
    }
  }
  std::sort(found.begin(), found.end());
  return found;
}

Found sorted(const std::vector<Candidate>& hits) {
  Found found;
  for (const Candidate& hit : hits) {
    found.emplace_back(hit.distance, hit.ordinal);
  }
  std::sort(found.begin(), found.end());
  return found;
}

Found first(Found found, size_t count) {
  found.resize(std::min(found.size(), count));
  return found;
}

bool ascending(const std::vector<Candidate>& hits) {
  return std::is_sorted(hits.begin(), hits.end(), [](const Candidate& a, const Candidate& b) {
    return a.distance < b.distance;
  });
}

// Everything a cursor delivers when asked for `wanted` rows at a time until it has nothing left.
Found drain(Cursor& cursor, uint32_t wanted = 40) {
  std::vector<Candidate> all;
  std::vector<Candidate> batch;
  while (cursor.next_batch(wanted, kNoBound, &batch)) {
    EXPECT_LE(batch.size(), wanted);
    EXPECT_FALSE(batch.empty()) << "without a bound a batch has rows or is the end";
    EXPECT_TRUE(ascending(batch));
    all.insert(all.end(), batch.begin(), batch.end());
    batch.clear();
  }
  EXPECT_TRUE(batch.empty());
  EXPECT_FALSE(cursor.next_batch(wanted, kNoBound, &batch)) << "the end is the end";
  EXPECT_TRUE(batch.empty());
  return sorted(all);
}

class SegmentCursorTest : public testing::Test {
 protected:
  static constexpr uint32_t kRows = 1000;
  static constexpr uint32_t kDimensions = 8;

  SegmentCursorTest() : entry_(index_.add_segment(rows_)) {}

  Query query(uint32_t seed = 99) const {
    return Query(Metric::kL2, random_rows(1, kDimensions, seed).row(0), kDimensions);
  }

  std::set<uint32_t> bury_every(uint32_t nth) {
    std::set<uint32_t> dead;
    for (uint32_t i = 0; i < kRows; i += nth) {
      index_.bury(entry_, i);
      dead.insert(i);
    }
    return dead;
  }

  Rows rows_ = random_rows(kRows, kDimensions, 1);
  TestIndex index_{Metric::kL2, kDimensions};
  DirectoryEntry& entry_;
};

TEST_F(SegmentCursorTest, DeliversEveryRowExactlyOnce) {
  for (uint32_t ef : {1u, 7u, 40u, 999u, 1000u, 5000u}) {
    Query q = query();
    SegmentCursor cursor(index_.pages, entry_, q, ef);
    EXPECT_EQ(drain(cursor, ef), exact(rows_, q)) << "ef " << ef;
  }
}

TEST_F(SegmentCursorTest, FirstBatchIsTheNearestRows) {
  for (uint32_t seed = 0; seed < 20; seed++) {
    Query q = query(seed);
    SegmentCursor cursor(index_.pages, entry_, q, 40);
    std::vector<Candidate> hits;
    ASSERT_TRUE(cursor.next_batch(40, kNoBound, &hits));
    ASSERT_THAT(hits, SizeIs(40));
    EXPECT_TRUE(ascending(hits));
    EXPECT_EQ(first(sorted(hits), 10), first(exact(rows_, q), 10)) << "query " << seed;
  }
}

TEST_F(SegmentCursorTest, FirstBatchLooksAtFewRows) {
  Query q = query();
  SegmentCursor cursor(index_.pages, entry_, q, 10);
  std::vector<Candidate> hits;
  index_.pages.pins = 0;
  cursor.next_batch(10, kNoBound, &hits);
  EXPECT_LT(index_.pages.pins, kRows * 3 / 4);
}

TEST_F(SegmentCursorTest, LaterBatchesGoOnWhereTheFirstEnded) {
  Query q = query();
  SegmentCursor cursor(index_.pages, entry_, q, 50);
  std::vector<Candidate> hits;
  for (size_t rows : {50, 100, 200}) {
    const size_t before = hits.size();
    cursor.next_batch(static_cast<uint32_t>(rows), kNoBound, &hits);
    ASSERT_THAT(hits, SizeIs(before + rows));
  }
  Found nearest = first(exact(rows_, q), 350);
  Found found = sorted(hits);
  Found common;
  std::set_intersection(found.begin(), found.end(), nearest.begin(), nearest.end(),
                        std::back_inserter(common));
  EXPECT_GE(common.size(), 345u);
}

TEST_F(SegmentCursorTest, HalfOfTheRowsDeadStillGivesFullBatchesOfLiveRows) {
  std::set<uint32_t> dead = bury_every(2);
  Query q = query();
  SegmentCursor cursor(index_.pages, entry_, q, 40);
  std::vector<Candidate> hits;
  ASSERT_TRUE(cursor.next_batch(40, kNoBound, &hits));
  ASSERT_THAT(hits, SizeIs(40));
  EXPECT_EQ(first(sorted(hits), 20), first(exact(rows_, q, dead), 20));

  SegmentCursor again(index_.pages, entry_, q, 40);
  EXPECT_EQ(drain(again), exact(rows_, q, dead));
}

TEST_F(SegmentCursorTest, FindsTheNearestLiveRowsAroundAHole) {
  for (size_t buried : {5, 40, 120}) {
    SCOPED_TRACE(buried);
    TestIndex index(Metric::kL2, kDimensions);
    DirectoryEntry& entry = index.add_segment(rows_);
    Query q = query();
    std::set<uint32_t> dead;
    for (const auto& row : first(exact(rows_, q), buried)) {
      index.bury(entry, row.second);
      dead.insert(row.second);
    }
    SegmentCursor cursor(index.pages, entry, q, 40);
    std::vector<Candidate> hits;
    ASSERT_TRUE(cursor.next_batch(40, kNoBound, &hits));
    ASSERT_THAT(hits, SizeIs(40));
    EXPECT_EQ(first(sorted(hits), 10), first(exact(rows_, q, dead), 10));
  }
}

TEST_F(SegmentCursorTest, ABatchHasAsManyRowsAsItIsAskedFor) {
  Query q = query();
  SegmentCursor cursor(index_.pages, entry_, q, 40);
  for (size_t rows : {25, 15, 80, 160, 1}) {
    std::vector<Candidate> hits;
    ASSERT_TRUE(cursor.next_batch(static_cast<uint32_t>(rows), kNoBound, &hits));
    EXPECT_THAT(hits, SizeIs(rows));
  }
}

TEST_F(SegmentCursorTest, ReachesTheLastLiveRowThroughDeadOnes) {
  std::set<uint32_t> dead;
  for (uint32_t i = 0; i < kRows; i++) {
    if (i != 777) {
      index_.bury(entry_, i);
      dead.insert(i);
    }
  }
  Query q = query();
  SegmentCursor cursor(index_.pages, entry_, q, 5);
  EXPECT_EQ(drain(cursor), exact(rows_, q, dead));
}

TEST_F(SegmentCursorTest, WithoutLiveRowsIsAtItsEndAtOnce) {
  bury_every(1);
  Query q = query();
  SegmentCursor cursor(index_.pages, entry_, q, 5);
  std::vector<Candidate> hits;
  EXPECT_FALSE(cursor.next_batch(5, kNoBound, &hits));
  EXPECT_THAT(hits, SizeIs(0));
}

TEST_F(SegmentCursorTest, UnderABoundDeliversOnlyRowsWithinIt) {
  Query q = query();
  Found nearest = exact(rows_, q);
  float bound = (nearest[14].first + nearest[15].first) / 2;
  SegmentCursor cursor(index_.pages, entry_, q, 40);
  std::vector<Candidate> hits;
  ASSERT_TRUE(cursor.next_batch(40, bound, &hits));
  EXPECT_EQ(sorted(hits), first(nearest, 15));
}

TEST_F(SegmentCursorTest, ABoundSavesWork) {
  Query q = query();
  float bound = exact(rows_, q)[3].first;
  auto pins = [&](float bound) {
    SegmentCursor cursor(index_.pages, entry_, q, 200);
    std::vector<Candidate> hits;
    index_.pages.pins = 0;
    cursor.next_batch(200, bound, &hits);
    return index_.pages.pins;
  };
  EXPECT_LT(pins(bound), pins(kNoBound) * 3 / 4);
}

TEST_F(SegmentCursorTest, ABoundNearerThanEveryRowGivesAnEmptyBatchThatIsNotTheEnd) {
  Query q = query();
  SegmentCursor cursor(index_.pages, entry_, q, 40);
  std::vector<Candidate> hits;
  EXPECT_TRUE(cursor.next_batch(40, 0.0f, &hits));
  EXPECT_TRUE(cursor.next_batch(40, -1.0f, &hits));
  EXPECT_THAT(hits, SizeIs(0));
  EXPECT_EQ(drain(cursor), exact(rows_, q));
}

TEST_F(SegmentCursorTest, RowsLeftByABoundComeLaterExactlyOnce) {
  std::set<uint32_t> dead = bury_every(3);
  Query q = query();
  Found nearest = exact(rows_, q, dead);
  SegmentCursor cursor(index_.pages, entry_, q, 30);
  std::vector<Candidate> hits;
  for (size_t i : {2u, 10u, 100u, 50u, 400u, 5u}) {
    ASSERT_TRUE(cursor.next_batch(30, nearest[i].first, &hits));
  }
  Found all = drain(cursor);
  for (const auto& found : sorted(hits)) {
    all.push_back(found);
  }
  std::sort(all.begin(), all.end());
  EXPECT_EQ(all, nearest);
}

TEST_F(SegmentCursorTest, QueriesOfAnotherMetricAreRefused) {
  Query q(Metric::kL1, rows_.row(0), kDimensions);
  EXPECT_THROW(SegmentCursor(index_.pages, entry_, q, 10), CorruptIndexError);
}

TEST_F(SegmentCursorTest, RowsThatNoListLeadsToAreDeliveredToo) {
  Graph graph = brute_force_graph(rows_, Metric::kL2, 16);
  for (size_t i = 0; i < graph.neighbors.size(); i++) {
    if (graph.neighbors[i] == 500) {
      graph.neighbors[i] = 501;
    }
  }
  TestIndex index(Metric::kL2, kDimensions);
  Query q = query();
  SegmentCursor cursor(index.pages, index.add_segment(rows_, graph), q, 100);
  EXPECT_EQ(drain(cursor), exact(rows_, q));
}

// Islands of rows that only know each other, each with an entry point: more than a search enters
// at.
class Islands {
 public:
  static constexpr uint32_t kIslands = 400;
  static constexpr uint32_t kRowsEach = 5;

  explicit Islands(Metric metric) : rows(random_rows(kIslands * kRowsEach, 6, 4)) {
    graph.rows = rows.count();
    graph.degree = layer0_degree(16);
    graph.neighbors.assign(size_t{graph.rows} * graph.degree, kNoOrdinal);
    for (Ordinal row = 0; row < graph.rows; row++) {
      graph.list(row)[0] = row % kRowsEach + 1 < kRowsEach ? row + 1 : row + 1 - kRowsEach;
    }
    for (uint32_t island = 0; island < kIslands; island++) {
      graph.entry_points.push_back(island * kRowsEach);
    }
    index.emplace(metric, 6);
    entry = &index->add_segment(rows, graph);
  }

  Rows rows;
  Graph graph;
  std::optional<TestIndex> index;
  DirectoryEntry* entry;
};

TEST(SegmentCursorOf, IslandsDeliversTheRowsOfAll) {
  for (Metric metric : {Metric::kL2, Metric::kL1}) {
    Islands islands(metric);
    Query q(metric, islands.rows.row(17), 6);
    SegmentCursor cursor(islands.index->pages, *islands.entry, q, 10);
    EXPECT_EQ(drain(cursor), exact(islands.rows, q));
  }
}

TEST(SegmentCursorOf, IslandsFillsTheFirstBatchFromFurtherOnes) {
  Islands islands(Metric::kL2);
  Query q(Metric::kL2, islands.rows.row(17), 6);
  SegmentCursor cursor(islands.index->pages, *islands.entry, q, 1000);
  std::vector<Candidate> batch;
  EXPECT_TRUE(cursor.next_batch(1000, kNoBound, &batch));
  EXPECT_THAT(batch, SizeIs(1000));
}

// Segments of one index may have other degrees, and the tables of a coded query are of one.
TEST(Query, IsCodedOnceForEachDegree) {
  const Rows rows = random_rows(1, 6, 4);
  const Query q(Metric::kL2, rows.row(0), 6);
  EXPECT_EQ(&q.coded(32), &q.coded(32));
  EXPECT_NE(&q.coded(32), &q.coded(16));
}

TEST(SegmentCursorOf, RowsOfWhichAFewAreDeadDoesNotReadThem) {
  const Rows rows = random_rows(2000, 16, 1);
  TestIndex index(Metric::kL2, 16);
  DirectoryEntry& entry = index.add_segment(rows);
  auto pins = [&] {
    index.pages.pins = 0;
    for (uint32_t seed = 100; seed < 120; seed++) {
      const Query q(Metric::kL2, random_rows(1, 16, seed).row(0), 16);
      SegmentCursor cursor(index.pages, entry, q, 40);
      std::vector<Candidate> hits;
      cursor.next_batch(40, kNoBound, &hits);
    }
    return index.pages.pins;
  };
  const uint64_t before = pins();
  for (uint32_t i = 1; i < rows.count(); i += 4) {
    index.bury(entry, i);
  }
  EXPECT_LE(pins(), before * 21 / 20) << "walking through them takes a tenth more";
}

TEST(SegmentCursorOf, DuplicatesEndsABatchWithoutWalkingThemAll) {
  Rows rows{2, std::vector<float>(4000, 1.0f)};
  TestIndex index(Metric::kL2, 2);
  DirectoryEntry& entry = index.add_segment(rows);
  float origin[2] = {0, 0};
  Query q(Metric::kL2, origin, 2);
  SegmentCursor cursor(index.pages, entry, q, 10);
  std::vector<Candidate> hits;
  index.pages.pins = 0;
  ASSERT_TRUE(cursor.next_batch(10, kNoBound, &hits));
  EXPECT_THAT(hits, SizeIs(10));
  EXPECT_LT(index.pages.pins, 1000u);
  SegmentCursor again(index.pages, entry, q, 10);
  EXPECT_THAT(drain(again), SizeIs(2000));
}

TEST(SegmentCursorOf, HugeElementsWhoseDistancesOverflowDeliversThemToo) {
  constexpr float kHuge = std::numeric_limits<float>::max();
  for (Metric metric : {Metric::kL2, Metric::kInnerProduct, Metric::kL1}) {
    Rows rows = random_rows(100, 2, 1);
    for (size_t i = 0; i < 100; i++) {
      rows.floats[i] = i % 2 == 0 ? kHuge : -kHuge;
    }
    TestIndex index(metric, 2);
    DirectoryEntry& entry = index.add_segment(rows);
    float vector[2] = {kHuge, kHuge};
    Query q(metric, vector, 2);
    SegmentCursor cursor(index.pages, entry, q, 10);
    EXPECT_EQ(drain(cursor), exact(rows, q));
  }
}

TEST(SegmentCursorOf, ASegmentWithoutRowsIsAtItsEnd) {
  TestIndex index(Metric::kL2, 2);
  float origin[2] = {0, 0};
  Query q(Metric::kL2, origin, 2);
  SegmentCursor cursor(index.pages, index.add_segment(Rows{2, {}}), q, 10);
  EXPECT_THAT(drain(cursor), SizeIs(0));
}

TEST(SegmentCursorOf, VectorsThatSpanPagesFindsThem) {
  Rows rows = random_rows(60, 5000, 1);
  TestIndex index(Metric::kInnerProduct, 5000);
  Query q(Metric::kInnerProduct, random_rows(1, 5000, 2).row(0), 5000);
  SegmentCursor cursor(index.pages, index.add_segment(rows), q, 10);
  const Found found = drain(cursor), expected = exact(rows, q);
  ASSERT_EQ(found.size(), expected.size());
  for (size_t i = 0; i < found.size(); i++) {
    EXPECT_EQ(found[i].second, expected[i].second);
    EXPECT_NEAR(found[i].first, expected[i].first, 1e-3);  // of 5,000 products of about 1
  }
}

// The first parts alone would confuse them: they differ by less than a byte's step.
TEST(SegmentCursorOf, SplitVectorsThatAreNearlyAlikeTellsThemApart) {
  Rows rows{1200, std::vector<float>(size_t{40} * 1200)};
  for (uint32_t i = 0; i < 40; i++) {
    float* row = rows.floats.data() + size_t{i} * 1200;
    row[0] = 1;  // the range of all others is small beside it
    row[1 + i] = 1e-3F * static_cast<float>(i % 2 == 0 ? i : 40 - i);
  }
  TestIndex index(Metric::kL2, 1200);
  DirectoryEntry& entry = index.add_segment(rows);
  const std::vector<float> origin(1200);
  Query q(Metric::kL2, origin.data(), 1200);
  SegmentCursor cursor(index.pages, entry, q, 40);
  std::vector<Candidate> batch;
  ASSERT_TRUE(cursor.next_batch(40, kNoBound, &batch));
  EXPECT_THAT(batch, SizeIs(40));
  const Found expected = exact(rows, q);
  for (size_t i = 0; i < batch.size(); i++) {
    EXPECT_NEAR(batch[i].distance, expected[i].first, 1e-6) << "rank " << i;
  }
}

TEST(AppendCursor, DeliversEveryLiveRowInOrderOfDistance) {
  Rows rows = random_rows(3000, 20, 1);
  TestIndex index(Metric::kL1, 20);
  DirectoryEntry& entry = index.add_append_chain(rows);
  BlockNo page = index.pages.at<AppendChainHeader>(entry.header_block, 0).first;
  uint32_t entries = make_append_layout(20).entries_offset;
  for (uint32_t row : {0u, 10u, 20u}) {
    index.pages.at<AppendEntry>(page, entries + row * sizeof(AppendEntry)).flags = kEntryDead;
  }
  Query q(Metric::kL1, random_rows(1, 20, 2).row(0), 20);
  AppendCursor cursor(index.pages, entry, q);
  std::vector<Candidate> hits;
  size_t before = 0;
  while (cursor.next_batch(70, kNoBound, &hits)) {
    ASSERT_GT(hits.size(), before);
    ASSERT_LE(hits.size(), before + 70);
    before = hits.size();
  }
  EXPECT_TRUE(ascending(hits));
  for (Candidate& hit : hits) {
    hit.ordinal = number_of(cursor.tid(hit.ordinal));
  }
  EXPECT_EQ(sorted(hits), exact(rows, q, {0, 10, 20}));
}

TEST(AppendCursor, LeavesRowsBeyondTheBoundForLater) {
  Rows rows = random_rows(100, 4, 1);
  TestIndex index(Metric::kL2, 4);
  Query q(Metric::kL2, random_rows(1, 4, 2).row(0), 4);
  Found nearest = exact(rows, q);
  AppendCursor cursor(index.pages, index.add_append_chain(rows), q);
  std::vector<Candidate> hits;
  EXPECT_TRUE(cursor.next_batch(40, -1, &hits));
  EXPECT_THAT(hits, SizeIs(0));
  EXPECT_TRUE(cursor.next_batch(40, nearest[6].first, &hits));
  EXPECT_THAT(hits, SizeIs(7));
  EXPECT_THAT(drain(cursor), SizeIs(93));
}

TEST(AppendCursor, OfAnEmptyChainIsAtItsEnd) {
  TestIndex index(Metric::kL2, 4);
  Query q(Metric::kL2, random_rows(1, 4, 2).row(0), 4);
  AppendCursor cursor(index.pages, index.add_append_chain(Rows{4, {}}), q);
  EXPECT_THAT(drain(cursor), SizeIs(0));
}

TEST(VisitedSet, RemembersAcrossGrowth) {
  VisitedSet visited(0);
  for (Ordinal i = 0; i < 100000; i++) {
    ASSERT_TRUE(visited.insert(i * 40503u));
  }
  for (Ordinal i = 0; i < 100000; i++) {
    ASSERT_FALSE(visited.insert(i * 40503u));
  }
  EXPECT_EQ(visited.size(), 100000u);
}

}  // namespace
}  // namespace vseg
