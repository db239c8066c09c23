#include "engine/search/index_scan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <set>
#include <vector>

#include "test_index.h"

namespace vseg {
namespace {

using testing::SizeIs;
using Found = std::vector<std::pair<float, uint32_t>>;

// An index of three segments and two chains, not listed by size; rows are numbered throughout.
class IndexScanTest : public testing::Test {
 protected:
  static constexpr uint32_t kDimensions = 6;

  IndexScanTest() {
    add(200, MemberKind::kGraphSegment);
    add(50, MemberKind::kAppendChain);
    add(1200, MemberKind::kGraphSegment);
    add(1, MemberKind::kGraphSegment);
    add(3, MemberKind::kAppendChain);
  }

  void add(uint32_t count, MemberKind kind) {
    Rows rows = random_rows(count, kDimensions, index_.metapage().next_id);
    if (kind == MemberKind::kAppendChain) {
      index_.add_append_chain(rows, all_.count());
    } else {
      index_.add_segment(rows, all_.count());
    }
    all_.floats.insert(all_.floats.end(), rows.floats.begin(), rows.floats.end());
  }

  Query query(uint32_t seed = 99) const {
    return Query(Metric::kL2, random_rows(1, kDimensions, seed).row(0), kDimensions);
  }

  Found exact(const Query& query) const {
    Found found;
    for (uint32_t i = 0; i < all_.count(); i++) {
      if (dead_.count(i) == 0) {
        found.emplace_back(query.distance(all_.row(i)), i);
      }
    }
    std::sort(found.begin(), found.end());
    return found;
  }

  // Up to `limit` rows, in the order they come.
  Found scan(const Query& query, const ScanOptions& options, size_t limit = SIZE_MAX) {
    IndexScan scan(index_.pages, index_.metapage(), query, options);
    Found found;
    Hit hit;
    while (found.size() < limit && scan.next(&hit)) {
      found.emplace_back(hit.distance, number_of(hit.tid));
    }
    return found;
  }

  TestIndex index_{Metric::kL2, kDimensions};
  Rows all_{kDimensions, {}};
  std::set<uint32_t> dead_;
};

constexpr IterativeScan kEveryMode[] = {IterativeScan::kOff, IterativeScan::kRelaxedOrder,
                                        IterativeScan::kStrictOrder};

TEST_F(IndexScanTest, LargeEfReturnsEverythingInExactOrder) {
  for (IterativeScan mode : kEveryMode) {
    EXPECT_EQ(scan(query(), {5000, mode}), exact(query()));
  }
}

// A graph of nearest neighbours alone hides a row that is nobody's neighbour, so not all are found.
TEST_F(IndexScanTest, NearestRowsOfAllMembersComeFirst) {
  for (IterativeScan mode : kEveryMode) {
    size_t found = 0;
    for (uint32_t seed = 100; seed < 150; seed++) {
      Found nearest = exact(query(seed));
      for (const auto& row : scan(query(seed), {60, mode}, 10)) {
        found += std::count(nearest.begin(), nearest.begin() + 10, row);
      }
    }
    EXPECT_GE(found, 495u) << "of 500";
  }
}

TEST_F(IndexScanTest, EveryRowIsReturnedOnce) {
  for (IterativeScan mode : {IterativeScan::kRelaxedOrder, IterativeScan::kStrictOrder}) {
    for (uint32_t ef : {1u, 2u, 10u, 100u}) {
      Found found = scan(query(), {ef, mode, SegmentSearchMode::kGraph});
      std::sort(found.begin(), found.end());
      EXPECT_EQ(found, exact(query())) << "ef " << ef;
    }
  }
}

// In many dimensions rows at random have few neighbours in common, and walks of few rows go astray.
TEST(IndexScan, RowsAfterAFartherOneAreCounted) {
  constexpr uint32_t kDimensions = 64;
  TestIndex index(Metric::kL2, kDimensions);
  index.add_segment(random_rows(2000, kDimensions, 1));
  const Query query(Metric::kL2, random_rows(1, kDimensions, 2).row(0), kDimensions);
  IndexScan scan(index.pages, index.metapage(), query,
                 {2, IterativeScan::kStrictOrder, SegmentSearchMode::kGraph});
  Hit hit;
  uint64_t returned = 0, late = 0;
  float farthest = -std::numeric_limits<float>::infinity();
  for (; scan.next(&hit); returned++) {
    late += hit.distance < farthest ? 1 : 0;
    farthest = std::max(farthest, hit.distance);
  }
  EXPECT_EQ(returned, 2000u);
  EXPECT_EQ(scan.late(), late);
  EXPECT_GT(late, 0u);
}

TEST_F(IndexScanTest, OffReturnsAtMostEfRows) {
  for (uint32_t ef : {1u, 2u, 40u, 300u}) {
    Found found = scan(query(), {ef, IterativeScan::kOff});
    EXPECT_THAT(found, SizeIs(ef));
    EXPECT_TRUE(std::is_sorted(found.begin(), found.end()));
  }
}

TEST_F(IndexScanTest, DeadRowsAreNeverReturned) {
  DirectoryEntry& largest = index_.metapage().directory[2];
  for (Ordinal i = 0; i < 1200; i += 2) {
    index_.bury(largest, i);
    dead_.insert(250 + i);
  }
  EXPECT_EQ(scan(query(), {5000, IterativeScan::kStrictOrder}), exact(query()));
  Found found = scan(query(), {20, IterativeScan::kRelaxedOrder});
  std::sort(found.begin(), found.end());
  EXPECT_EQ(found, exact(query()));
}

TEST_F(IndexScanTest, EqualDistancesAreAllReturned) {
  Rows same{kDimensions, std::vector<float>(300 * kDimensions, 0.5f)};
  index_.add_segment(same, all_.count());
  all_.floats.insert(all_.floats.end(), same.floats.begin(), same.floats.end());
  index_.add_append_chain(same, all_.count());
  all_.floats.insert(all_.floats.end(), same.floats.begin(), same.floats.end());
  Query q(Metric::kL2, same.row(0), kDimensions);
  Found found = scan(q, {40, IterativeScan::kStrictOrder}, 600);
  ASSERT_THAT(found, SizeIs(600));
  EXPECT_EQ(found.back().first, 0.0f);
}

TEST_F(IndexScanTest, AnswersAreDeterministic) {
  ScanOptions options{7, IterativeScan::kRelaxedOrder};
  EXPECT_EQ(scan(query(), options), scan(query(), options));
}

// Of the chains of 50 and 3 rows, by pages' clocks, which wrap.
TEST_F(IndexScanTest, TellsHowManyRowsHaveNoGraphAndForHowLong) {
  uint16_t clock = append_clock(65534);
  for (uint32_t i = 0; i < index_.metapage().directory_count; i++) {
    const DirectoryEntry& entry = index_.metapage().directory[i];
    if (entry.kind == MemberKind::kAppendChain) {
      const BlockNo first = index_.pages.at<AppendChainHeader>(entry.header_block, 0).first;
      index_.pages.at<AppendEntriesHeader>(first, 0).appended_at = clock++;
    }
  }
  IndexScan scan(index_.pages, index_.metapage(), query(), {5});
  EXPECT_EQ(scan.unsealed(append_clock(65540)).rows, 0) << "before a row was asked for";
  Hit hit;
  scan.next(&hit);
  EXPECT_EQ(scan.unsealed(append_clock(65540)).rows, 53);
  EXPECT_EQ(scan.unsealed(append_clock(65540)).idle_seconds, 5);
  EXPECT_EQ(scan.unsealed(append_clock(65535)).idle_seconds, 0);
  EXPECT_EQ(scan.unsealed(append_clock(65000)).idle_seconds, 0) << "a clock set back";
}

TEST(IndexScan, SearchesLessInAMemberThatIsFarAway) {
  constexpr uint32_t kDimensions = 6;
  Rows near = random_rows(1100, kDimensions, 1);
  Rows far = random_rows(1000, kDimensions, 2);
  for (float& x : far.floats) {
    x += 1000;
  }
  TestIndex only_near(Metric::kL2, kDimensions);
  TestIndex only_far(Metric::kL2, kDimensions);
  TestIndex both(Metric::kL2, kDimensions);
  only_near.add_segment(near);
  only_far.add_segment(far);
  both.add_segment(near);
  both.add_segment(far);
  auto pins = [&](TestIndex& index) {
    Query query(Metric::kL2, random_rows(1, kDimensions, 3).row(0), kDimensions);
    IndexScan scan(index.pages, index.metapage(), query,
                   {100, IterativeScan::kStrictOrder, SegmentSearchMode::kGraph});
    index.pages.pins = 0;
    Hit hit;
    for (int i = 0; i < 40; i++) {
      EXPECT_TRUE(scan.next(&hit));
    }
    return index.pages.pins;
  };
  EXPECT_LT(pins(both), pins(only_near) + pins(only_far) * 2 / 3);
}

// Two segments, of rows of one kind, or of one and of another that lies elsewhere.
class SharedSearch : public testing::Test {
 protected:
  static constexpr uint32_t kDimensions = 16;
  static constexpr uint32_t kEf = 40;

  Rows elsewhere(uint32_t count, uint32_t seed) const {
    Rows rows = random_rows(count, kDimensions, seed);
    for (float& x : rows.floats) {
      x += 20;
    }
    return rows;
  }

  // The pages that answering some queries takes. Each gets ef rows, and almost all are the nearest.
  uint64_t pins_of_queries(const std::vector<Rows>& segments, IterativeScan mode) const {
    TestIndex index(Metric::kL2, kDimensions);
    Rows all{kDimensions, {}};
    for (const Rows& rows : segments) {
      index.add_segment(rows, all.count());
      all.floats.insert(all.floats.end(), rows.floats.begin(), rows.floats.end());
    }
    size_t right = 0;
    for (uint32_t seed = 100; seed < 120; seed++) {
      const Query query(Metric::kL2, random_rows(1, kDimensions, seed).row(0), kDimensions);
      Found exact;
      for (uint32_t i = 0; i < all.count(); i++) {
        exact.emplace_back(query.distance(all.row(i)), i);
      }
      std::sort(exact.begin(), exact.end());
      IndexScan scan(index.pages, index.metapage(), query, {kEf, mode, SegmentSearchMode::kGraph});
      Hit hit;
      uint32_t found = 0;
      for (; found < kEf && scan.next(&hit); found++) {
        right += hit.distance <= exact[kEf - 1].first ? 1 : 0;
      }
      EXPECT_EQ(found, kEf);
    }
    EXPECT_GE(right, 20 * kEf * 95 / 100);
    return index.pages.pins;
  }
};

TEST_F(SharedSearch, CostsLittleMoreThanOfOneSegment) {
  const Rows a = random_rows(1500, kDimensions, 1), b = random_rows(1000, kDimensions, 2);
  const uint64_t alone = pins_of_queries({a}, IterativeScan::kOff);
  EXPECT_LT(pins_of_queries({a, b}, IterativeScan::kOff), alone * 4 / 3);
}

TEST_F(SharedSearch, FindsEnoughWhereverTheNearestRowsAre) {
  for (IterativeScan mode : kEveryMode) {
    SCOPED_TRACE(static_cast<int>(mode));
    pins_of_queries({random_rows(1500, kDimensions, 1), elsewhere(1000, 2)}, mode);
    pins_of_queries({random_rows(1000, kDimensions, 1), elsewhere(1500, 2)}, mode);
    pins_of_queries({random_rows(30, kDimensions, 1), random_rows(25, kDimensions, 2)}, mode);
  }
}

// The first segment has a few rows near the query, the other what comes next, the first the rest.
TEST_F(SharedSearch, FindsWhatLiesBetweenTheRowsOfTheFirstSegment) {
  const std::vector<float> origin(kDimensions, 0);
  const auto at_distance = [&](uint32_t count, float from, float step) {
    Rows rows{kDimensions, {}};
    for (uint32_t i = 0; i < count; i++) {
      std::vector<float> row(kDimensions, 0);
      row[i % kDimensions] = from + step * static_cast<float>(i);
      rows.floats.insert(rows.floats.end(), row.begin(), row.end());
    }
    return rows;
  };
  Rows first = at_distance(30, 0.1F, 0.001F);
  const Rows far = at_distance(570, 50, 0.1F);
  first.floats.insert(first.floats.end(), far.floats.begin(), far.floats.end());
  TestIndex index(Metric::kL2, kDimensions);
  index.add_segment(first);
  index.add_segment(at_distance(400, 2, 0.01F), 600);
  for (IterativeScan mode : kEveryMode) {
    SCOPED_TRACE(static_cast<int>(mode));
    IndexScan scan(index.pages, index.metapage(), Query(Metric::kL2, origin.data(), kDimensions),
                   {kEf, mode, SegmentSearchMode::kGraph});
    Hit hit;
    for (uint32_t i = 0; i < kEf; i++) {
      ASSERT_TRUE(scan.next(&hit));
      EXPECT_EQ(number_of(hit.tid), i < 30 ? i : 600 + i - 30);
    }
  }
}

TEST(IndexScan, EmptyIndexHasNoRows) {
  TestIndex index(Metric::kL2, 3);
  float vector[3] = {1, 2, 3};
  IndexScan scan(index.pages, index.metapage(), Query(Metric::kL2, vector, 3), {});
  Hit hit;
  EXPECT_FALSE(scan.next(&hit));
  EXPECT_FALSE(scan.next(&hit));
}

class DamagedMetapage : public IndexScanTest {
 protected:
  void expect_refused(const Query& query) {
    try {
      IndexScan scan(index_.pages, index_.metapage(), query, {});
      ADD_FAILURE() << "the damage went unnoticed";
    } catch (const CorruptIndexError& error) {
      EXPECT_EQ(error.block(), kMetapageBlock);
    }
  }
};

TEST_F(DamagedMetapage, UnknownKindsAreRefused) {
  for (int kind : {0, 4, 255}) {
    index_.metapage().directory[1].kind = static_cast<MemberKind>(kind);
    expect_refused(query());
  }
}

TEST_F(DamagedMetapage, TooManyMembersAreRefused) {
  index_.metapage().directory_count = kMaxDirectoryEntries + 1;
  expect_refused(query());
}

TEST_F(DamagedMetapage, OtherDimensionsAndMetricsAreRefused) {
  expect_refused(Query(Metric::kL2, all_.row(0), 5));
  expect_refused(Query(Metric::kInnerProduct, all_.row(0), kDimensions));
}

}  // namespace
}  // namespace vseg
