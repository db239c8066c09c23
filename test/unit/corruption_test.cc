// Damages pages at random: a scan must then answer from what it reads or throw CorruptIndexError,
// and never crash, hang or return a row that cannot be. Worth running under sanitizers.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <numeric>
#include <random>
#include <vector>

#include "engine/search/index_scan.h"
#include "engine/append/append_reader.h"
#include "engine/segment/segment_reader.h"
#include "test_index.h"

namespace vseg {
namespace {

// Distances are finite, and there are no more rows than the index has room for.
// True if the scan ended without noticing anything.
bool scan_survives(TestIndex& index, const Query& query, uint32_t ef) {
  try {
    IndexScan scan(index.pages, index.metapage(), query, {ef, IterativeScan::kStrictOrder});
    Hit hit;
    uint32_t rows = 0;
    while (scan.next(&hit)) {
      EXPECT_TRUE(std::isfinite(hit.distance));
      EXPECT_NE(hit.tid.offset, 0);
      EXPECT_LT(rows++, 100000u);
    }
    return true;
  } catch (const CorruptIndexError& error) {
    EXPECT_STRNE(error.what(), "");
    return false;
  }
}

class Corruption : public testing::TestWithParam<uint32_t> {
 protected:
  Corruption() : index_(Metric::kL2, GetParam()) {
    index_.add_segment(random_rows(300, GetParam(), 1));
    index_.bury(index_.metapage().directory[0], 3);
    index_.add_append_chain(random_rows(GetParam() > 1000 ? 300 : 1500, GetParam(), 2), 1000);
  }

  Query query() const {
    return Query(Metric::kL2, random_rows(1, GetParam(), 3).row(0), GetParam());
  }

  TestIndex index_;
};

TEST_P(Corruption, OfAnyByteOfAnyPageIsSurvived) {
  ASSERT_TRUE(scan_survives(index_, query(), 20));
  std::vector<BlockNo> blocks;
  for (const auto& page : index_.pages.all()) {
    blocks.push_back(page.first);
  }
  std::mt19937 random(4);
  for (int round = 0; round < 400; round++) {
    BlockNo block = blocks[random() % blocks.size()];
    // Half of the damage goes to the first bytes, where most of the numbers are.
    size_t offset = random() % (random() % 2 == 0 ? 256 : kPagePayload);
    auto& byte = index_.pages.at<uint8_t>(block, offset);
    uint8_t sound = byte;
    byte = static_cast<uint8_t>(random());
    scan_survives(index_, query(), 20);
    index_.pages.at<uint8_t>(block, offset) = sound;
  }
  EXPECT_TRUE(scan_survives(index_, query(), 20));
}

TEST_P(Corruption, OfWholePagesIsSurvived) {
  std::mt19937 random(5);
  auto pages = index_.pages.all();
  int round = 0;
  for (const auto& page : pages) {
    if (round++ > 100) {
      break;
    }
    for (int kind = 0; kind < 3; kind++) {
      for (std::byte& byte : index_.pages.page(page.first).payload) {
        byte = kind == 0 ? std::byte{0} : kind == 1 ? std::byte{0xFF} : std::byte(random());
      }
      scan_survives(index_, query(), 20);
    }
    index_.pages.page(page.first) = page.second;
  }
  EXPECT_TRUE(scan_survives(index_, query(), 20));
}

INSTANTIATE_TEST_SUITE_P(Dimensions, Corruption, testing::Values(2, 100, 2500));

// Not here: ef_construction and merges, which say how the graph was made and nothing about where
// things are, and values of m, metric and entry_points that fit the rest of the header as well.
TEST(SegmentHeaderDamage, OfEveryFieldIsNoticed) {
  TestIndex index(Metric::kL2, 10);
  DirectoryEntry& entry = index.add_segment(random_rows(100, 10, 1));
  auto notice = [&](size_t first, size_t end) {
    for (size_t offset = first; offset < end; offset++) {
      for (int bit = 0; bit < 8; bit++) {
        auto flipped = static_cast<uint8_t>(1u << bit);
        index.pages.at<uint8_t>(entry.header_block, offset) ^= flipped;
        EXPECT_THROW(SegmentReader(index.pages, entry, 10), CorruptIndexError)
            << "byte " << offset << ", bit " << bit;
        index.pages.at<uint8_t>(entry.header_block, offset) ^= flipped;
      }
    }
  };
  notice(0, offsetof(SegmentHeader, metric));
  notice(offsetof(SegmentHeader, own), offsetof(SegmentHeader, m));
  notice(offsetof(SegmentHeader, degree), offsetof(SegmentHeader, entry_points));
  notice(offsetof(SegmentHeader, pages), offsetof(SegmentHeader, merges));

  auto& header = index.pages.at<SegmentHeader>(entry.header_block, 0);
  for (int metric : {0, 5, 255}) {
    header.metric = static_cast<Metric>(metric);
    EXPECT_THROW(SegmentReader(index.pages, entry, 10), CorruptIndexError);
  }
  header.metric = Metric::kL2;
  for (uint16_t m : {0, 8, 17, 1100, 0xFFFF}) {
    header.m = m;
    EXPECT_THROW(SegmentReader(index.pages, entry, 10), CorruptIndexError) << "m " << m;
  }
  header.m = 16;
  for (uint32_t entry_points : {0u, 101u, 0xFFFFFFFFu}) {
    header.entry_points = entry_points;
    EXPECT_THROW(SegmentReader(index.pages, entry, 10), CorruptIndexError);
  }
  header.entry_points = 1;
  EXPECT_NO_THROW(SegmentReader(index.pages, entry, 10));
}

class DamagedSegment : public testing::Test {
 protected:
  DamagedSegment() : entry_(index_.add_segment(random_rows(100, 10, 1))) {
    SegmentReader reader(index_.pages, entry_, 10);
    header_ = reader.header();
  }

  // Block where reading row 0 fails; kNoBlock if it does not.
  BlockNo failing_block() {
    try {
      SegmentReader reader(index_.pages, entry_, 10);
      std::vector<Ordinal> neighbors;
      reader.entry_block(0, 0);
      reader.vector(0);
      reader.tid(0);
      reader.neighbors(0, &neighbors);
    } catch (const CorruptIndexError& error) {
      return error.block();
    }
    return kNoBlock;
  }

  BlockNo nodes() { return index_.block_of(entry_, header_.nodes.first); }

  TestIndex index_{Metric::kL2, 10};
  DirectoryEntry& entry_;
  SegmentHeader header_;
};

TEST_F(DamagedSegment, MisplacedNodeIsNoticed) {
  index_.pages.at<NodeHeader>(nodes(), 0).ordinal = 5;
  EXPECT_EQ(failing_block(), nodes());
}

TEST_F(DamagedSegment, TooManyNeighborsAreNoticed) {
  index_.pages.at<NodeHeader>(nodes(), 0).neighbors = 33;
  EXPECT_EQ(failing_block(), nodes());
}

TEST_F(DamagedSegment, NeighborBeyondTheRowsIsNoticed) {
  index_.pages.at<Ordinal>(nodes(), sizeof(NodeHeader) + 4) = 100;
  EXPECT_EQ(failing_block(), nodes());
}

TEST_F(DamagedSegment, EntryPointBeyondTheRowsIsNoticed) {
  BlockNo block = index_.block_of(entry_, header_.entries.first);
  index_.pages.at<Ordinal>(block, 0) = 100;
  EXPECT_EQ(failing_block(), block);
}

TEST_F(DamagedSegment, EntryBlockWithOtherChildrenIsNoticed) {
  Graph graph = brute_force_graph(random_rows(100, 10, 1), Metric::kL2, 16);
  graph.entry_points.resize(70);
  std::iota(graph.entry_points.begin(), graph.entry_points.end(), 0);
  TestIndex index(Metric::kL2, 10);
  DirectoryEntry& entry = index.add_segment(random_rows(100, 10, 1), graph);
  SegmentReader reader(index.pages, entry, 10);
  ASSERT_EQ(reader.entry_tree().levels(), 2u);
  EXPECT_NO_THROW(reader.entry_block(0, 0));
  const BlockNo root = index.block_of(entry, reader.header().entries.first);
  for (uint32_t child : {0u, 3u, 4u, 0xFFFFFFFFu}) {
    index.pages.at<Ordinal>(root, sizeof(NodeHeader)) = child;
    EXPECT_THROW(reader.entry_block(0, 0), CorruptIndexError) << child;
  }
  index.pages.at<Ordinal>(root, sizeof(NodeHeader)) = 1;
  index.pages.at<NodeHeader>(root, 0).neighbors = 2;
  EXPECT_THROW(reader.entry_block(0, 0), CorruptIndexError);
}

TEST_F(DamagedSegment, InvalidHeapAddressIsNoticed) {
  BlockNo block = index_.block_of(entry_, header_.tids.first);
  index_.pages.at<Tid>(block, 0).offset = 0;
  EXPECT_EQ(failing_block(), block);
}

TEST_F(DamagedSegment, ImpossibleExtentIsNoticed) {
  for (uint32_t extent : {0u, 1u << 26, 0xFFFFFFFFu}) {
    index_.pages.at<uint32_t>(entry_.header_block, sizeof(SegmentHeader)) = extent;
    EXPECT_EQ(failing_block(), entry_.header_block);
  }
}

TEST_F(DamagedSegment, ImpossibleRunsAreNoticed) {
  const auto header = index_.pages.at<SegmentHeader>(entry_.header_block, 0);
  for (uint32_t runs : {0u, header.runs - 1, header.runs + 1, kMaxExtentRuns + 1, ~0u}) {
    index_.pages.at<SegmentHeader>(entry_.header_block, 0).runs = runs;
    EXPECT_EQ(failing_block(), entry_.header_block) << runs;
  }
  index_.pages.at<SegmentHeader>(entry_.header_block, 0) = header;
  for (uint32_t extents : {0u, 2u, 1u << 26, ~0u}) {
    index_.pages.at<ExtentRun>(entry_.header_block, sizeof(SegmentHeader)).extents = extents;
    EXPECT_EQ(failing_block(), entry_.header_block) << extents;
  }
}

TEST_F(DamagedSegment, ImpossibleFirstPageIsNoticed) {
  for (uint32_t first : {1u, kExtentPages, ~0u}) {
    index_.pages.at<SegmentHeader>(entry_.header_block, 0).first_page = first;
    EXPECT_EQ(failing_block(), entry_.header_block) << first;
  }
}

TEST_F(DamagedSegment, ExtentThatDoesNotHoldTheHeaderIsNoticed) {
  index_.pages.at<uint32_t>(entry_.header_block, sizeof(SegmentHeader)) += 1;
  EXPECT_EQ(failing_block(), entry_.header_block);
}

TEST_F(DamagedSegment, DirectoryThatDisagreesIsNoticed) {
  entry_.rows++;
  EXPECT_EQ(failing_block(), entry_.header_block);
  entry_.rows--;
  entry_.extents++;
  EXPECT_EQ(failing_block(), entry_.header_block);
}

TEST_F(DamagedSegment, HeaderOfAnotherSegmentIsNoticed) {
  index_.pages.at<SegmentHeader>(entry_.header_block, 0).id = 9;
  EXPECT_EQ(failing_block(), entry_.header_block);
}

TEST_F(DamagedSegment, OtherDimensionsThanTheIndexAreNoticed) {
  EXPECT_THROW(SegmentReader(index_.pages, entry_, 11), CorruptIndexError);
}

}  // namespace
}  // namespace vseg
