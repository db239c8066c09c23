#include "engine/search/unranked_rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#include "engine/common/errors.h"
#include "engine/search/index_scan.h"
#include "engine/segment/member_extents.h"
#include "test_index.h"

namespace vseg {
namespace {

constexpr BlockNo kSecondBlock = 5 * kExtentPages + 7;
constexpr BlockNo kThirdBlock = 9 * kExtentPages;

void put_page(MemoryPages* pages, BlockNo block, BlockNo next,
              const std::vector<UnrankedEntry>& entries) {
  UnrankedPage page{};
  page.header.next = next;
  page.header.count = static_cast<uint32_t>(entries.size());
  std::copy(entries.begin(), entries.end(), page.entries);
  pages->put(block, PageKind::kUnranked, 0, reinterpret_cast<const std::byte*>(&page),
             unranked_bytes(page.header.count));
}

UnrankedEntry nan_row(uint32_t number) { return {tid_of(number), Unranked::kNan}; }
UnrankedEntry null_row(uint32_t number) { return {tid_of(number), Unranked::kNull}; }

std::vector<uint32_t> all(PageSource& pages, BlockNo first) {
  UnrankedRows rows(pages, first);
  std::vector<uint32_t> numbers;
  for (Tid tid; rows.next(&tid);) {
    numbers.push_back(number_of(tid));
  }
  Tid tid;
  EXPECT_FALSE(rows.next(&tid));
  return numbers;
}

TEST(UnrankedRowsTest, ComeKindByKindFromAllPages) {
  MemoryPages pages;
  put_page(&pages, kUnrankedBlock, kSecondBlock, {null_row(1), nan_row(2), null_row(3)});
  put_page(&pages, kSecondBlock, kThirdBlock, {});
  put_page(&pages, kThirdBlock, kNoBlock, {nan_row(4), nan_row(5), null_row(6)});
  EXPECT_THAT(all(pages, kUnrankedBlock), testing::ElementsAre(2, 4, 5, 1, 3, 6));
}

TEST(UnrankedRowsTest, AreNoneWithoutAPage) {
  MemoryPages pages;
  EXPECT_TRUE(all(pages, 0).empty());
  put_page(&pages, kUnrankedBlock, kNoBlock, {});
  EXPECT_TRUE(all(pages, kUnrankedBlock).empty());
}

TEST(UnrankedRowsTest, AreNotBelievedOnADamagedPage) {
  MemoryPages pages;
  put_page(&pages, kUnrankedBlock, kSecondBlock, {nan_row(1)});
  EXPECT_THROW(all(pages, kUnrankedBlock), CorruptIndexError);  // no second page
  put_page(&pages, kSecondBlock, kUnrankedBlock, {nan_row(2)});
  EXPECT_THROW(all(pages, kUnrankedBlock), CorruptIndexError);  // a loop
  put_page(&pages, kSecondBlock, kNoBlock, {{Tid{}, Unranked::kNull}});
  EXPECT_THROW(all(pages, kUnrankedBlock), CorruptIndexError);  // no address
  put_page(&pages, kSecondBlock, kNoBlock, {nan_row(2)});
  EXPECT_EQ(all(pages, kUnrankedBlock).size(), 2U);
  pages.at<UnrankedPageHeader>(kSecondBlock, 0).count = kUnrankedPerPage + 1;
  EXPECT_THROW(all(pages, kUnrankedBlock), CorruptIndexError);
}

TEST(UnrankedRowsTest, HaveTheExtentsOfTheirPagesAndTheOneThatIsNext) {
  MemoryPages pages;
  put_page(&pages, kUnrankedBlock, kSecondBlock, {});
  put_page(&pages, kSecondBlock, kNoBlock, {});
  pages.at<UnrankedPageHeader>(kUnrankedBlock, 0).extent = 11;
  EXPECT_THAT(unranked_extents(pages, kUnrankedBlock), testing::ElementsAre(5, 11));
}

TEST(UnrankedRowsTest, FollowAllOthersInEveryMode) {
  constexpr uint32_t kRows = 100;
  TestIndex index(Metric::kL2, 4);
  index.add_segment(random_rows(kRows, 4, 1));
  index.add_append_chain(random_rows(20, 4, 2), kRows);
  put_page(&index.pages, kUnrankedBlock, kNoBlock, {null_row(500), nan_row(501)});
  index.metapage().unranked = kUnrankedBlock;
  const std::vector<float> query(4, 0);
  for (IterativeScan mode :
       {IterativeScan::kStrictOrder, IterativeScan::kRelaxedOrder, IterativeScan::kOff}) {
    for (uint32_t ef : {5U, 120U, 121U, 200U}) {
      IndexScan scan(index.pages, index.metapage(), Query(Metric::kL2, query.data(), 4),
                     {ef, mode});
      std::vector<uint32_t> numbers;
      for (Hit hit; scan.next(&hit);) {
        numbers.push_back(number_of(hit.tid));
        EXPECT_EQ(std::isnan(hit.distance), numbers.back() >= 500);
      }
      const uint32_t expected = mode == IterativeScan::kOff ? std::min(ef, kRows + 22) : kRows + 22;
      ASSERT_EQ(numbers.size(), expected);
      for (uint32_t i = kRows + 20; i < expected; i++) {
        EXPECT_EQ(numbers[i], i == kRows + 20 ? 501 : 500);
      }
    }
  }
}

}  // namespace
}  // namespace vseg
