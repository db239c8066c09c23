#include "engine/search/segment_scan_cursor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include "engine/common/errors.h"
#include "engine/search/index_scan.h"
#include "engine/search/scan_choice.h"
#include "engine/search/segment_cursor.h"
#include "test_index.h"

namespace vseg {
namespace {

using testing::SizeIs;

using Found = std::vector<std::pair<float, Ordinal>>;  // distance and row, nearest first

class SegmentScanCursorTest : public testing::TestWithParam<std::tuple<Metric, uint32_t>> {
 protected:
  static constexpr uint32_t kRows = 600;

  Metric metric() const { return std::get<0>(GetParam()); }
  uint32_t dimensions() const { return std::get<1>(GetParam()); }

  Query query() const {
    return Query(metric(), random_rows(1, dimensions(), 99).row(0), dimensions());
  }

  std::set<Ordinal> bury_at_random(uint32_t percent) {
    std::set<Ordinal> dead;
    std::mt19937 random(percent);
    while (dead.size() < kRows * percent / 100) {
      const Ordinal row = random() % kRows;
      if (dead.insert(row).second) {
        index_.bury(entry_, row);
      }
    }
    return dead;
  }

  // The live rows, by brute force.
  Found exact(const Query& query, const std::set<Ordinal>& dead) const {
    Found found;
    for (Ordinal i = 0; i < kRows; i++) {
      if (dead.count(i) == 0) {
        found.emplace_back(query.distance(rows_.row(i)), i);
      }
    }
    std::sort(found.begin(), found.end());
    return found;
  }

  Rows rows_ = random_rows(kRows, dimensions(), 1);
  TestIndex index_{metric(), dimensions()};
  DirectoryEntry& entry_ = index_.add_segment(rows_);
};

void append(const std::vector<Candidate>& rows, Found* found) {
  for (const Candidate& row : rows) {
    found->emplace_back(row.distance, row.ordinal);
  }
}

// Everything: the first batch under a bound, the rows beyond it later.
Found drain(Cursor& cursor, uint32_t wanted, float first_bound) {
  Found all;
  std::vector<Candidate> batch;
  bool more = cursor.next_batch(wanted, first_bound, &batch);
  for (const Candidate& row : batch) {
    EXPECT_LE(row.distance, first_bound);
  }
  while (more) {
    append(batch, &all);
    batch.clear();
    more = cursor.next_batch(wanted, kNoBound, &batch);
    EXPECT_EQ(more, !batch.empty());
  }
  EXPECT_FALSE(cursor.next_batch(wanted, kNoBound, &batch)) << "the end is the end";
  EXPECT_THAT(batch, SizeIs(0));
  return all;
}

TEST_P(SegmentScanCursorTest, DeliversEveryLiveRowOnceInOrder) {
  for (uint32_t percent : {0U, 20U, 90U, 99U}) {
    const std::set<Ordinal> dead = bury_at_random(percent);
    const Query q = query();
    const Found expected = exact(q, dead);
    for (uint32_t ef : {1U, 7U, 40U, 10000U}) {
      SegmentScanCursor cursor(index_.pages, entry_, q);
      Found found = drain(cursor, ef, expected[expected.size() / 2].first);
      EXPECT_TRUE(std::is_sorted(found.begin(), found.end(),
                                 [](auto& a, auto& b) { return a.first < b.first; }));
      std::sort(found.begin(), found.end());
      ASSERT_THAT(found, SizeIs(expected.size())) << percent << " % dead, ef " << ef;
      for (size_t i = 0; i < found.size(); i++) {
        EXPECT_EQ(found[i].second, expected[i].second);
        // Split vectors keep 24 bits of each coordinate.
        EXPECT_NEAR(found[i].first, expected[i].first, 1e-3F + 1e-5F * std::abs(expected[i].first));
      }
    }
    for (Ordinal row : dead) {  // for the next share
      const SegmentHeader header = index_.pages.at<SegmentHeader>(entry_.header_block, 0);
      index_.pages.at<uint8_t>(index_.block_of(entry_, header.tombstones.first), row / 8) = 0;
    }
    entry_.dead_rows = 0;
  }
}

TEST_P(SegmentScanCursorTest, ReadsNoBlockOfADeadRow) {
  const std::set<Ordinal> dead = bury_at_random(99);
  const Query q = query();
  SegmentScanCursor cursor(index_.pages, entry_, q);
  std::vector<Candidate> rows;
  index_.pages.pins = 0;
  cursor.next_batch(kRows, kNoBound, &rows);
  EXPECT_THAT(rows, SizeIs(kRows - dead.size()));
  const NodeLayout layout = node_layout(index_.pages.at<SegmentHeader>(entry_.header_block, 0));
  EXPECT_LE(index_.pages.pins, rows.size() * (layout.pages_per_node + layout.pages_per_group) + 1);
}

TEST_P(SegmentScanCursorTest, ABatchHasAsManyRowsAsItIsAskedFor) {
  const Query q = query();
  SegmentScanCursor cursor(index_.pages, entry_, q);
  for (size_t wanted : {50, 100, 1}) {
    std::vector<Candidate> rows;
    ASSERT_TRUE(cursor.next_batch(static_cast<uint32_t>(wanted), kNoBound, &rows));
    EXPECT_THAT(rows, SizeIs(wanted));
  }
}

TEST_P(SegmentScanCursorTest, RefusesASegmentOfAnotherMetric) {
  const Metric other = metric() == Metric::kL1 ? Metric::kL2 : Metric::kL1;
  const Query q(other, rows_.row(0), dimensions());
  EXPECT_THROW(SegmentScanCursor(index_.pages, entry_, q), CorruptIndexError);
}

// Node blocks of 8 dimensions share pages, those of 300 at this degree do not; 1,200 are split.
INSTANTIATE_TEST_SUITE_P(MetricsAndShapes, SegmentScanCursorTest,
                         testing::Combine(testing::Values(Metric::kL2, Metric::kInnerProduct,
                                                          Metric::kL1),
                                          testing::Values(8U, 300U, 1200U)));

TEST(ScanChoiceTest, AFewLiveRowsAreScannedManyAreWalked) {
  const auto scans = [](uint64_t rows, uint64_t live, uint32_t ef) {
    return prefers_scan({rows, live, ef, 128, Metric::kL2, 1, false});
  };
  EXPECT_TRUE(scans(100, 100, 40));
  EXPECT_FALSE(scans(100000, 100000, 40));
  EXPECT_FALSE(scans(100000, 50000, 40));
  EXPECT_TRUE(scans(100000, 1000, 40));
  EXPECT_TRUE(scans(100000, 1, 40));
  EXPECT_TRUE(scans(100000, 0, 40));
  EXPECT_TRUE(scans(0, 0, 40));
  EXPECT_TRUE(scans(100000, 100000, 100000)) << "all rows are asked for";
}

TEST(ScanChoiceTest, FewerLiveRowsOrMoreRowsAskedForNeverSpeakForWalking) {
  for (Metric metric : {Metric::kL2, Metric::kL1}) {
    for (uint32_t dimensions : {2U, 128U, 1536U, 16000U}) {
      for (uint64_t rows : {1000U, 10000U, 100000U, 1000000U}) {
        bool scanned = false, scanned_bounded = false;
        for (uint64_t live = rows; live > 0; live -= rows / 100) {
          const bool scans = prefers_scan({rows, live, 40, dimensions, metric, 1, false});
          EXPECT_GE(scans, scanned) << rows << " rows, " << live << " alive";
          scanned = scans;
          EXPECT_GE(prefers_scan({rows, live, 400, dimensions, metric, 1, false}), scans);
          const bool bounded = prefers_scan({rows, live, 40, dimensions, metric, 0.1, true});
          EXPECT_GE(bounded, scanned_bounded) << rows << " rows, " << live << " alive";
          EXPECT_LE(bounded, scans) << "a bounded walk is shorter";
          scanned_bounded = bounded;
        }
        EXPECT_TRUE(scanned || rows > 100000) << "with a hundredth alive";
      }
    }
  }
}

TEST(ScanChoiceTest, AScanOfAnIndexFindsTheNearestWhateverTheChoice) {
  constexpr uint32_t kRows = 1000;
  const Rows rows = random_rows(kRows, 16, 1);
  TestIndex index(Metric::kL2, 16);
  DirectoryEntry& entry = index.add_segment(rows);
  const Query q(Metric::kL2, random_rows(1, 16, 5).row(0), 16);
  std::mt19937 random(2);
  std::set<uint32_t> dead;
  for (uint32_t percent : {0U, 50U, 80U, 95U, 99U}) {
    while (dead.size() < kRows * percent / 100) {
      const uint32_t row = random() % kRows;
      if (dead.insert(row).second) {
        index.bury(entry, row);
      }
    }
    std::vector<std::pair<float, uint32_t>> expected;
    for (uint32_t i = 0; i < kRows; i++) {
      if (dead.count(i) == 0) {
        expected.emplace_back(q.distance(rows.row(i)), i);
      }
    }
    std::sort(expected.begin(), expected.end());
    for (SegmentSearchMode mode :
         {SegmentSearchMode::kAuto, SegmentSearchMode::kGraph, SegmentSearchMode::kRows}) {
      IndexScan scan(index.pages, index.metapage(), q, {40, IterativeScan::kStrictOrder, mode});
      Hit hit;
      for (size_t i = 0; i < 10; i++) {
        ASSERT_TRUE(scan.next(&hit));
        EXPECT_EQ(number_of(hit.tid), expected[i].second) << percent << " % dead";
      }
    }
  }
}

}  // namespace
}  // namespace vseg
