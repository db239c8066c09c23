#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "engine/append/append_reader.h"
#include "test_index.h"

namespace vseg {
namespace {

class ChainOfDimensions : public testing::TestWithParam<uint32_t> {};

TEST_P(ChainOfDimensions, RowsReadBackInOrder) {
  uint32_t dimensions = GetParam();
  AppendLayout layout = make_append_layout(dimensions);
  uint32_t count = layout.capacity * 2 + layout.capacity / 2 + 1;
  Rows rows = random_rows(count, dimensions, 1);
  TestIndex index(Metric::kL2, dimensions);
  AppendReader reader(index.pages, index.add_append_chain(rows), dimensions);
  uint32_t seen = 0;
  while (reader.next_page()) {
    for (uint32_t i = 0; i < reader.rows(); i++, seen++) {
      const float* vector = reader.vector(i);
      ASSERT_EQ(std::vector<float>(vector, vector + dimensions),
                std::vector<float>(rows.row(seen), rows.row(seen) + dimensions))
          << "row " << seen;
      ASSERT_EQ(number_of(reader.entry(i).tid), seen);
    }
  }
  EXPECT_EQ(seen, count);
}

INSTANTIATE_TEST_SUITE_P(Dimensions, ChainOfDimensions,
                         testing::Values(1, 2, 3, 50, 784, 1536, 2037, 2038, 2040, 2041, 16000));

TEST(AppendReader, EmptyChainHasNoPages) {
  TestIndex index(Metric::kL2, 3);
  AppendReader reader(index.pages, index.add_append_chain(Rows{3, {}}), 3);
  EXPECT_FALSE(reader.next_page());
  EXPECT_FALSE(reader.next_page());
}

TEST(AppendReader, VectorPageOfNeighboringRowsIsReadOnce) {
  TestIndex index(Metric::kL2, 100);
  DirectoryEntry& entry = index.add_append_chain(random_rows(20, 100, 1));
  AppendReader reader(index.pages, entry, 100);
  ASSERT_TRUE(reader.next_page());
  for (uint32_t row = 0; row < 20; row++) {
    reader.vector(row);
  }
  EXPECT_EQ(index.pages.vector_reads, 1u);
}

TEST(AppendReader, FullPagesArePinnedAndTheLastOneIsCopied) {
  TestIndex index(Metric::kL2, 100);
  DirectoryEntry& entry = index.add_append_chain(random_rows(30, 100, 1));
  AppendReader reader(index.pages, entry, 100);
  ASSERT_TRUE(reader.next_page());
  const uint64_t pins = index.pages.pins;
  reader.vector(19);
  EXPECT_EQ(index.pages.pins, pins + 1);
  for (uint32_t row = 20; row < 30; row++) {
    reader.vector(row);
  }
  EXPECT_EQ(index.pages.pins, pins + 1) << "rows may be added to its page";
  EXPECT_EQ(index.pages.vector_reads, 2u);
}

TEST(AppendReader, RowsMayBeReadInAnyOrder) {
  Rows rows = random_rows(60, 300, 1);
  TestIndex index(Metric::kL2, 300);
  AppendReader reader(index.pages, index.add_append_chain(rows), 300);
  ASSERT_TRUE(reader.next_page());
  for (uint32_t i : {59u, 0u, 30u, 29u, 1u, 58u}) {
    EXPECT_EQ(reader.vector(i)[299], rows.row(i)[299]);
  }
}

TEST(AppendReader, SummaryCountsRowsDeadRowsAndPages) {
  uint32_t capacity = make_append_layout(784).capacity;
  TestIndex index(Metric::kL2, 784);
  DirectoryEntry& entry = index.add_append_chain(random_rows(capacity + 3, 784, 1));
  BlockNo first = index.pages.at<AppendChainHeader>(entry.header_block, 0).first;
  AppendLayout layout = make_append_layout(784);
  for (uint32_t row : {1u, 5u}) {
    index.pages.at<AppendEntry>(first, layout.entries_offset + row * 8).flags |= kEntryDead;
  }
  AppendSummary summary = summarize_append_chain(index.pages, entry, 784);
  EXPECT_EQ(summary.rows, capacity + 3u);
  EXPECT_EQ(summary.dead_rows, 2u);
  EXPECT_EQ(summary.pages, index.pages.all().size());
  EXPECT_TRUE(summary.open);
  BlockNo tail = index.pages.at<AppendChainHeader>(entry.header_block, 0).tail;
  index.pages.at<AppendEntriesHeader>(tail, 0).flags = 0;
  EXPECT_FALSE(summarize_append_chain(index.pages, entry, 784).open);
}

TEST(AppendReader, ChainIsCountedFromItsTail) {
  uint32_t capacity = make_append_layout(784).capacity;
  for (uint32_t rows : {0u, 1u, capacity, capacity + 1, 3 * capacity + 7}) {
    TestIndex index(Metric::kL2, 784);
    DirectoryEntry& entry = index.add_append_chain(random_rows(rows, 784, 1));
    EXPECT_EQ(count_chain_rows(index.pages, entry, 784, 0).rows, rows);
  }
}

// A chain of several entry pages to damage.
class DamagedChain : public testing::Test {
 protected:
  DamagedChain() {
    uint32_t capacity = make_append_layout(784).capacity;
    entry_ = &index_.add_append_chain(random_rows(capacity * 3, 784, 1));
    first_ = index_.pages.at<AppendChainHeader>(entry_->header_block, 0).first;
    second_ = index_.pages.at<AppendEntriesHeader>(first_, 0).next;
    tail_ = index_.pages.at<AppendEntriesHeader>(second_, 0).next;
  }

  AppendEntriesHeader& header(BlockNo block) {
    return index_.pages.at<AppendEntriesHeader>(block, 0);
  }

  void read_all() {
    AppendReader reader(index_.pages, *entry_, 784);
    while (reader.next_page()) {
      for (uint32_t i = 0; i < reader.rows(); i++) {
        reader.vector(i);
      }
    }
  }

  BlockNo failing_block() {
    try {
      read_all();
    } catch (const CorruptIndexError& error) {
      return error.block();
    }
    return kNoBlock;
  }

  TestIndex index_{Metric::kL2, 784};
  DirectoryEntry* entry_;
  BlockNo first_, second_, tail_;
};

TEST_F(DamagedChain, IsSoundBeforeTheDamage) { EXPECT_NO_THROW(read_all()); }

TEST_F(DamagedChain, LoopsAreNoticed) {
  for (BlockNo target : {first_, second_, tail_}) {
    header(tail_).next = target;
    EXPECT_THROW(read_all(), CorruptIndexError);
  }
}

TEST_F(DamagedChain, CountIsTheSameFromAnOldHint) {
  uint32_t rows = make_append_layout(784).capacity * 3;
  for (BlockNo hint : {first_, second_, tail_}) {
    index_.pages.at<AppendChainHeader>(entry_->header_block, 0).tail = hint;
    EXPECT_EQ(count_chain_rows(index_.pages, *entry_, 784, 0).rows, rows);
  }
}

TEST_F(DamagedChain, AgeIsThatOfTheTail) {
  header(first_).appended_at = 90;
  header(tail_).appended_at = 93;
  EXPECT_EQ(count_chain_rows(index_.pages, *entry_, 784, 100).idle_seconds, 7);
}

TEST_F(DamagedChain, CountNoticesLoops) {
  for (BlockNo target : {first_, second_, tail_}) {
    header(tail_).next = target;
    EXPECT_THROW(count_chain_rows(index_.pages, *entry_, 784, 0), CorruptIndexError);
  }
  header(tail_).rows = 0;
  header(tail_).next = tail_;
  EXPECT_THROW(count_chain_rows(index_.pages, *entry_, 784, 0), CorruptIndexError);
}

TEST_F(DamagedChain, PagesThatAreSkippedAreNoticed) {
  header(first_).next = tail_;
  EXPECT_EQ(failing_block(), tail_);
}

TEST_F(DamagedChain, TooManyRowsAreNoticed) {
  header(second_).rows = 0xFFFF;
  EXPECT_EQ(failing_block(), second_);
}

TEST_F(DamagedChain, MissingVectorPagesAreNoticed) {
  header(second_).vector_pages--;
  EXPECT_EQ(failing_block(), second_);
}

TEST_F(DamagedChain, TooManyVectorPagesAreNoticed) {
  header(first_).vector_pages = 0xFFFFFFFF;
  EXPECT_EQ(failing_block(), first_);
}

TEST_F(DamagedChain, PagesOfAnotherChainAreNoticed) {
  header(second_).id = 77;
  EXPECT_EQ(failing_block(), second_);
}

TEST_F(DamagedChain, HeaderOfAnotherChainIsNoticed) {
  index_.pages.at<AppendChainHeader>(entry_->header_block, 0).id = 77;
  EXPECT_EQ(failing_block(), entry_->header_block);
}

TEST_F(DamagedChain, VectorPageOutOfPlaceIsNoticed) {
  index_.pages.at<BlockNo>(tail_, make_append_layout(784).blocks_offset) = kNoBlock;
  EXPECT_EQ(failing_block(), tail_);
  index_.pages.at<BlockNo>(tail_, make_append_layout(784).blocks_offset) = first_;
  EXPECT_EQ(failing_block(), first_);
}

TEST_F(DamagedChain, LinkToNowhereIsNoticed) {
  header(second_).next = 12345678;
  EXPECT_EQ(failing_block(), 12345678u);
}

}  // namespace
}  // namespace vseg
