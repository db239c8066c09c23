#include "engine/search/append_cursor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <set>
#include <tuple>
#include <vector>

#include "engine/common/errors.h"
#include "test_index.h"

namespace vseg {
namespace {

using testing::SizeIs;
using Found = std::vector<std::pair<float, uint32_t>>;

constexpr float kFarthest = std::numeric_limits<float>::max();

// A chain, and what a scan of it must find. Rows have their numbers as heap addresses.
class Chain {
 public:
  Chain(Metric metric, Rows rows, uint32_t uncoded = 0)
      : metric_(metric),
        rows_(std::move(rows)),
        index_(metric, rows_.dimensions),
        entry_(index_.add_append_chain(rows_, 0, uncoded)) {}

  Query query(uint32_t seed = 99) const { return query(random_rows(1, rows_.dimensions, seed)); }
  Query query(const Rows& vector) const { return Query(metric_, vector.row(0), rows_.dimensions); }

  void bury(uint32_t row) {
    const AppendLayout layout = make_append_layout(rows_.dimensions);
    BlockNo block = index_.pages.at<AppendChainHeader>(entry_.header_block, 0).first;
    for (uint32_t i = 0; i < row / layout.capacity; i++) {
      block = index_.pages.at<AppendEntriesHeader>(block, 0).next;
    }
    const uint32_t offset = layout.entries_offset + row % layout.capacity * sizeof(AppendEntry);
    index_.pages.at<AppendEntry>(block, offset).flags |= kEntryDead;
    dead_.insert(row);
  }

  Found exact(const Query& query) const {
    Found found;
    for (uint32_t i = 0; i < rows_.count(); i++) {
      if (dead_.count(i) == 0) {
        found.emplace_back(query.distance(rows_.row(i)), i);
      }
    }
    std::sort(found.begin(), found.end());
    return found;
  }

  // The next batch, checked against the contract of Cursor. False if the cursor says there is none.
  bool next_batch(AppendCursor* cursor, uint32_t wanted, float bound, Found* found) const {
    std::vector<Candidate> batch;
    const bool more = cursor->next_batch(wanted, bound, &batch);
    EXPECT_TRUE(std::is_sorted(batch.begin(), batch.end(), [](const auto& a, const auto& b) {
      return a.distance < b.distance;
    }));
    EXPECT_TRUE(more || batch.empty());
    EXPECT_TRUE(!more || bound < kNoBound || !batch.empty());
    for (const Candidate& row : batch) {
      EXPECT_LE(row.distance, bound);
      found->emplace_back(row.distance, number_of(cursor->tid(row.ordinal)));
    }
    return more;
  }

  // Batches to the end; `first_bound` is that of the first one.
  Found drain(const Query& query, uint32_t ef, float first_bound = kNoBound) {
    AppendCursor cursor(index_.pages, entry_, query);
    Found found;
    bool more = next_batch(&cursor, ef, first_bound, &found);
    while (more) {
      more = next_batch(&cursor, ef, kNoBound, &found);
    }
    EXPECT_FALSE(next_batch(&cursor, ef, kNoBound, &found));
    return found;
  }

  Found first_batch(const Query& query, uint32_t ef, float bound = kNoBound) {
    AppendCursor cursor(index_.pages, entry_, query);
    Found found;
    next_batch(&cursor, ef, bound, &found);
    return found;
  }

  MemoryPages& pages() { return index_.pages; }
  DirectoryEntry& entry() { return entry_; }
  Rows& rows() { return rows_; }
  BlockNo first_page() { return index_.pages.at<AppendChainHeader>(entry_.header_block, 0).first; }
  AppendEntriesHeader& header(BlockNo block) {
    return index_.pages.at<AppendEntriesHeader>(block, 0);
  }

 private:
  Metric metric_;
  Rows rows_;
  TestIndex index_;
  DirectoryEntry& entry_;
  std::set<uint32_t> dead_;
};

Found sorted(Found found) {
  std::sort(found.begin(), found.end());
  return found;
}

// Row i is in cluster i % 20.
Rows clusters(uint32_t count, uint32_t dimensions) {
  Rows rows = random_rows(count, dimensions, 1);
  for (uint32_t i = 0; i < rows.floats.size(); i++) {
    rows.floats[i] += static_cast<float>(i / dimensions % 20) * (i % 2 == 0 ? 1 : -1);
  }
  return rows;
}

Found first(const Found& found, size_t n) {
  return Found(found.begin(), found.begin() + std::min(n, found.size()));
}

class AppendCursorOf : public testing::TestWithParam<std::tuple<uint32_t, Metric>> {
 protected:
  uint32_t dimensions = std::get<0>(GetParam());
  Metric metric = std::get<1>(GetParam());
};

INSTANTIATE_TEST_SUITE_P(DimensionsAndMetrics, AppendCursorOf,
                         testing::Combine(testing::Values(1, 2, 50, 96, 130, 784, 1536, 2000,
                                                          16000),
                                          testing::Values(Metric::kL2, Metric::kInnerProduct,
                                                          Metric::kCosine, Metric::kL1)));

TEST_P(AppendCursorOf, EveryRowIsDeliveredOnceAroundGroupsAndPages) {
  const uint32_t capacity = make_append_layout(dimensions).capacity;
  std::vector<uint32_t> counts = {0, 1, 31, 32, 33, 63, 64, 65, 96};
  if (dimensions <= 2000) {
    for (uint32_t count :
         {capacity - 1, capacity, capacity + 1, capacity + 32, 2 * capacity + 33}) {
      counts.push_back(count);
    }
  }
  for (uint32_t count : counts) {
    Chain chain(metric, random_rows(count, dimensions, 1));
    const Query query = chain.query();
    EXPECT_EQ(sorted(chain.drain(query, 40)), chain.exact(query)) << count << " rows";
  }
}

// One row in 30,000 may be missed.
TEST_P(AppendCursorOf, FirstBatchHasTheNearestRows) {
  Chain chain(metric, random_rows(dimensions <= 2000 ? 1500 : 200, dimensions, 1));
  for (uint32_t seed = 100; seed < 110; seed++) {
    const Query query = chain.query(seed);
    EXPECT_EQ(sorted(chain.first_batch(query, 40)), first(chain.exact(query), 40)) << seed;
  }
}

TEST_P(AppendCursorOf, DeadRowsAreNotDelivered) {
  Chain chain(metric, random_rows(200, dimensions, 1));
  for (uint32_t row = 0; row < 200; row++) {
    if (row < 64 || row % 3 == 0 || row > 190) {
      chain.bury(row);
    }
  }
  const Query query = chain.query();
  EXPECT_EQ(sorted(chain.drain(query, 10)), chain.exact(query));
}

TEST_P(AppendCursorOf, GroupsThatHaveNoCodesYetAreCompared) {
  for (uint32_t uncoded : {1u, 32u, 100u, 167u, 200u}) {
    Chain chain(metric, random_rows(200, dimensions, 1), uncoded);
    const Query query = chain.query();
    EXPECT_EQ(sorted(chain.first_batch(query, 40)), first(chain.exact(query), 40)) << uncoded;
    EXPECT_EQ(sorted(chain.drain(query, 40)), chain.exact(query)) << uncoded;
  }
}

TEST_P(AppendCursorOf, BoundHoldsForItsBatchOnly) {
  Chain chain(metric, random_rows(300, dimensions, 1));
  const Query query = chain.query();
  const Found exact = chain.exact(query);
  for (uint32_t within : {0u, 1u, 5u, 100u, 299u}) {
    const float bound = exact[within].first;
    EXPECT_EQ(sorted(chain.first_batch(query, 40, bound)), first(exact, std::min(within + 1, 40u)))
        << within;
    EXPECT_EQ(sorted(chain.drain(query, 40, bound)), exact) << within;
  }
  EXPECT_THAT(chain.first_batch(query, 40, -kFarthest), SizeIs(0));
  EXPECT_EQ(sorted(chain.drain(query, 40, -kFarthest)), exact);
}

class AppendCursorTest : public testing::Test {
 protected:
  static constexpr uint32_t kDimensions = 200;
  Chain chain_{Metric::kL2, random_rows(2000, kDimensions, 1)};
};

TEST_F(AppendCursorTest, HasCodesToSearch) {
  EXPECT_EQ(chain_.header(chain_.first_page()).coded_groups,
            make_append_layout(kDimensions).capacity / kAppendGroupRows);
}

TEST_F(AppendCursorTest, BatchesOfAnySizeDeliverEverything) {
  const Query query = chain_.query();
  for (uint32_t ef : {1u, 7u, 300u, 2000u, 5000u}) {
    EXPECT_EQ(sorted(chain_.drain(query, ef)), chain_.exact(query)) << ef;
  }
}

TEST_F(AppendCursorTest, RowsOfLaterBatchesAreRarelyNearer) {
  const Found found = chain_.drain(chain_.query(), 20);
  size_t late = 0;
  float farthest = -kFarthest;
  for (const auto& row : found) {
    late += row.first < farthest ? 1 : 0;
    farthest = std::max(farthest, row.first);
  }
  EXPECT_LE(late, 2u) << "of 2000";
}

TEST_F(AppendCursorTest, IsDeterministic) {
  EXPECT_EQ(chain_.drain(chain_.query(), 20), chain_.drain(chain_.query(), 20));
}

// Rows that codes rule out are not read: here all but those of the query's cluster.
TEST(AppendCursor, ReadsFewVectors) {
  const Rows rows = clusters(2000, 784);
  Chain chain(Metric::kL2, rows);
  const Query query(Metric::kL2, rows.row(47), 784);
  for (float bound : {chain.exact(query)[39].first, kNoBound}) {
    chain.pages().vector_reads = 0;
    EXPECT_THAT(chain.first_batch(query, 40, bound), SizeIs(40));
    EXPECT_LT(chain.pages().vector_reads, 200u) << "of 1000 pages";
  }
}

// Where codes rule out little, rows of a page are compared together.
TEST(AppendCursor, ReadsPagesHardlyMoreThanOnce) {
  Chain chain(Metric::kL2, random_rows(2000, 200, 1));
  chain.pages().vector_reads = 0;
  chain.first_batch(chain.query(), 10);
  EXPECT_LT(chain.pages().vector_reads, 250u) << "ten rows share a page";
}

TEST_F(AppendCursorTest, CodePagesArePrefetched) {
  const Query query = chain_.query();
  AppendCursor cursor(chain_.pages(), chain_.entry(), query);
  chain_.pages().prefetches = 0;
  std::vector<Candidate> rows;
  cursor.next_batch(10, -kFarthest, &rows);
  uint64_t code_pages = 0;
  for (const auto& page : chain_.pages().all()) {
    code_pages += page.second.kind == PageKind::kAppendCodes ? 1 : 0;
  }
  EXPECT_EQ(chain_.pages().prefetches, code_pages - 1);
}

// Far from the origin a query's tables, and what is added to a lower bound, would drown what tells
// the rows apart, were they not relative to the centroid.
TEST(AppendCursor, DataFarFromTheOriginIsFoundByItsCodes) {
  Rows rows = clusters(1000, 256);
  for (float& x : rows.floats) {
    x += 10000;
  }
  Chain chain(Metric::kL2, rows);
  const Query query(Metric::kL2, rows.row(47), 256);
  chain.pages().vector_reads = 0;
  EXPECT_EQ(sorted(chain.first_batch(query, 10)), first(chain.exact(query), 10));
  EXPECT_LT(chain.pages().vector_reads, 70u) << "of 143 pages";
}

TEST(AppendCursor, HugeElementsAreFound) {
  for (float scale : {1e15f, 4e18f, 1e19f, 1e30f, 3e37f}) {
    for (Metric metric : {Metric::kL2, Metric::kInnerProduct}) {
      Rows rows = random_rows(200, 128, 1);
      for (uint32_t i = 0; i < rows.floats.size(); i++) {
        rows.floats[i] *= i / 128 % 2 == 0 ? scale : 1;
      }
      Chain chain(metric, rows);
      for (uint32_t row : {0u, 1u, 64u, 65u}) {
        const Query query(metric, rows.row(row), 128);
        const Found exact = chain.exact(query);
        const Found found = chain.first_batch(query, 10);
        ASSERT_THAT(found, SizeIs(10));
        for (size_t i = 0; i < 10; i++) {
          EXPECT_EQ(found[i].first, exact[i].first) << scale << ", row " << row;
        }
        EXPECT_THAT(chain.drain(query, 10), SizeIs(200));
      }
    }
  }
}

TEST(AppendCursor, TinyElementsAreFound) {
  for (float scale : {1e-10f, 1e-18f, 1e-25f, 1e-40f}) {
    Rows rows = random_rows(200, 128, 1);
    for (float& x : rows.floats) x *= scale;
    Chain chain(Metric::kL2, rows);
    const Query query(Metric::kL2, rows.row(70), 128);
    EXPECT_EQ(chain.first_batch(query, 10)[0].first, 0) << scale;
    EXPECT_EQ(sorted(chain.drain(query, 10)), chain.exact(query)) << scale;
  }
}

TEST(AppendCursor, EqualRowsAreAllDelivered) {
  Chain chain(Metric::kL2, Rows{128, std::vector<float>(500 * 128, 0.5f)});
  EXPECT_THAT(chain.drain(chain.query(), 40), SizeIs(500));
}

class DamagedCodes : public AppendCursorTest {
 protected:
  BlockNo failing_block() {
    try {
      chain_.drain(chain_.query(), 40);
    } catch (const CorruptIndexError& error) {
      return error.block();
    }
    return kNoBlock;
  }
  BlockNo& code_block(uint32_t index) {
    return chain_.pages().at<BlockNo>(
        chain_.first_page(),
        make_append_layout(kDimensions).code_blocks_offset + index * sizeof(BlockNo));
  }
};

TEST_F(DamagedCodes, AreSoundBefore) { EXPECT_EQ(failing_block(), kNoBlock); }

TEST_F(DamagedCodes, MoreGroupsThanRowsAreNoticed) {
  chain_.header(chain_.first_page()).rows--;
  EXPECT_EQ(failing_block(), chain_.first_page());
}

TEST_F(DamagedCodes, MissingCentroidIsNoticed) {
  for (BlockNo block : {kNoBlock, kMetapageBlock}) {
    chain_.header(chain_.first_page()).centroid = block;
    EXPECT_EQ(failing_block(), chain_.first_page());
  }
  chain_.header(chain_.first_page()).centroid = 12345678;
  EXPECT_EQ(failing_block(), 12345678u);
}

TEST_F(DamagedCodes, TwoCentroidsAreNoticed) {
  const BlockNo second = chain_.header(chain_.first_page()).next;
  chain_.header(second).centroid++;
  EXPECT_EQ(failing_block(), second);
}

TEST_F(DamagedCodes, CodePagesOutOfPlaceAreNoticed) {
  const BlockNo sound = code_block(1);
  for (BlockNo block : {kNoBlock, kMetapageBlock}) {
    code_block(1) = block;
    EXPECT_EQ(failing_block(), chain_.first_page());
  }
  for (BlockNo block : {12345678u, chain_.first_page(), chain_.entry().header_block}) {
    code_block(1) = block;
    EXPECT_EQ(failing_block(), block);
  }
  code_block(1) = sound;
  EXPECT_EQ(failing_block(), kNoBlock);
}

TEST_F(DamagedCodes, CodesOfAnIndexThatHasNoneAreNoticed) {
  const Query query(Metric::kL1, chain_.rows().row(0), kDimensions);
  AppendCursor cursor(chain_.pages(), chain_.entry(), query);
  std::vector<Candidate> rows;
  EXPECT_THROW(cursor.next_batch(40, kNoBound, &rows), CorruptIndexError);
}

// Whatever the codes say, every row is delivered, and where they say nothing the first are right.
TEST_F(DamagedCodes, RowsWithoutSoundFactorsAreFound) {
  const AppendLayout layout = make_append_layout(kDimensions);
  for (float factor : {std::numeric_limits<float>::quiet_NaN(),
                       -std::numeric_limits<float>::infinity(), kFarthest, -kFarthest}) {
    for (uint32_t lane = 0; lane < 32; lane++) {
      chain_.pages().at<float>(code_block(0), layout.group_bytes - 4 * (64 - lane)) = factor;
    }
    const Query query = chain_.query();
    EXPECT_EQ(sorted(chain_.drain(query, 40)), chain_.exact(query)) << factor;
    if (!(factor == kFarthest)) {
      EXPECT_EQ(sorted(chain_.first_batch(query, 40)), first(chain_.exact(query), 40)) << factor;
    }
  }
}

}  // namespace
}  // namespace vseg
