#include "engine/search/search_cost.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace vseg {
namespace {

constexpr uint32_t kEf = 40;

struct Kind {
  uint32_t dimensions;
  Metric metric;
};

// With codes of appended rows and without, with node blocks of one page and of several.
const Kind kKinds[] = {{3, Metric::kL2},    {50, Metric::kL2},       {64, Metric::kCosine},
                       {128, Metric::kL1},  {384, Metric::kL2},      {768, Metric::kInnerProduct},
                       {1536, Metric::kL2}, {3072, Metric::kCosine}, {16000, Metric::kL1},
                       {16000, Metric::kL2}};

MemberSize segment(uint64_t rows, uint64_t dead_rows = 0) { return {true, rows, dead_rows}; }
MemberSize tail(uint64_t rows) { return {false, rows, 0}; }

IndexSize index_of(const Kind& kind, const std::vector<MemberSize>& members) {
  IndexSize index;
  index.dimensions = kind.dimensions;
  index.metric = kind.metric;
  index.m = 16;
  for (const MemberSize& member : members) {
    index.add(member);
  }
  return index;
}

double time_of(const Kind& kind, const std::vector<MemberSize>& members, double wanted = 10,
               uint32_t ef = kEf) {
  return search_cost(index_of(kind, members), ef, wanted).microseconds;
}

std::vector<MemberSize> random_members(std::mt19937* random) {
  std::vector<MemberSize> members;
  const uint32_t count = (*random)() % 8;
  for (uint32_t i = 0; i < count; i++) {
    const uint64_t rows = uint64_t{1} << (*random)() % 21;
    members.push_back({(*random)() % 3 > 0, rows, 0});
    if (members.back().has_graph) {
      members.back().dead_rows = (*random)() % (rows + 1);
    }
  }
  return members;
}

TEST(SearchCostTest, MoreRowsWantedNeverCostLess) {
  std::mt19937 random(1);
  for (const Kind& kind : kKinds) {
    for (int i = 0; i < 50; i++) {
      const IndexSize index = index_of(kind, random_members(&random));
      SearchCost before;
      for (double wanted = 0; wanted < 3e6; wanted = wanted * 1.3 + 1) {
        const SearchCost cost = search_cost(index, kEf, wanted);
        ASSERT_GE(cost.microseconds, before.microseconds) << wanted << " rows";
        ASSERT_GE(cost.pages, before.pages) << wanted << " rows";
        before = cost;
      }
    }
  }
}

TEST(SearchCostTest, MoreRowsThanThereAreCostAsMuchAsAll) {
  const Kind kind = {128, Metric::kL2};
  EXPECT_EQ(time_of(kind, {segment(5000, 1000), tail(300)}, 1e9),
            time_of(kind, {segment(5000, 1000), tail(300)}, 4300));
  EXPECT_EQ(time_of(kind, {segment(5000)}, 0), time_of(kind, {segment(5000)}, 1));
}

TEST(SearchCostTest, AnotherChainOrALongerOneCostsMore) {
  std::mt19937 random(2);
  for (const Kind& kind : kKinds) {
    for (int i = 0; i < 100; i++) {
      std::vector<MemberSize> members = random_members(&random);
      const double before = time_of(kind, members);
      members.push_back(tail(random() % 100000));
      const double with_chain = time_of(kind, members);
      ASSERT_GT(with_chain, before);
      members.back().rows += 1 + random() % 1000;
      ASSERT_GT(time_of(kind, members), with_chain);
    }
  }
}

TEST(SearchCostTest, TheSameRowsInMoreSegmentsCostMore) {
  for (const Kind& kind : kKinds) {
    double before = 0;
    for (uint64_t segments = 1; segments <= 32; segments *= 2) {
      const double cost =
          time_of(kind, std::vector<MemberSize>(segments, segment(3200000 / segments)));
      EXPECT_GT(cost, before) << segments << " segments";
      before = cost;
    }
  }
}

TEST(SearchCostTest, AGraphIsNeverDearerThanComparingAllItsRows) {
  for (const Kind& kind : kKinds) {
    for (uint64_t rows = 1; rows <= 10000000; rows *= 10) {
      const SearchCost cost = search_cost(index_of(kind, {segment(rows)}), kEf, 1);
      EXPECT_LE(cost.rows, static_cast<double>(rows));
      EXPECT_LE(cost.steps, static_cast<double>(rows));
      EXPECT_TRUE(cost.steps == 0 || cost.rows == 0) << "one way or the other";
    }
    EXPECT_LT(time_of(kind, {segment(10000000)}), 2 * time_of(kind, {segment(1000000)}));
  }
}

TEST(SearchCostTest, DeadRowsMakeAWalkLonger) {
  for (const Kind& kind : kKinds) {
    EXPECT_GE(time_of(kind, {segment(1000000, 700000)}), time_of(kind, {segment(300000)}));
    EXPECT_GT(time_of(kind, {segment(1000000, 700000)}, 1000),
              time_of(kind, {segment(300000)}, 1000));
  }
}

TEST(SearchCostTest, CodesMakeATailCheaperThanItsVectors) {
  const SearchCost coded = search_cost(index_of({768, Metric::kL2}, {tail(10000)}), kEf, 10);
  const SearchCost plain = search_cost(index_of({768, Metric::kL1}, {tail(10000)}), kEf, 10);
  EXPECT_GT(coded.code_bytes, 0);
  EXPECT_EQ(plain.code_bytes, 0);
  EXPECT_EQ(plain.rows, 10000);
  EXPECT_LT(coded.rows, plain.rows / 5);
  EXPECT_LT(coded.microseconds, plain.microseconds / 2);
  EXPECT_LT(coded.pages, plain.pages / 2);
}

// What the choice of a plan turns on: the tail of an index is a small part of what a table costs.
TEST(SearchCostTest, ATailOfAFifthIsFarFromAllRows) {
  for (uint32_t dimensions : {32U, 128U, 768U, 1536U}) {
    const Kind kind = {dimensions, Metric::kL2};
    EXPECT_LT(time_of(kind, {segment(40000), tail(10000)}),
              time_of(kind, {tail(50000)}) / 2 + time_of(kind, {segment(40000)}));
  }
}

TEST(SearchCostTest, AnEmptyIndexHasACost) {
  for (const std::vector<MemberSize>& members :
       {std::vector<MemberSize>{}, {tail(0)}, {segment(10, 10)}, {segment(10, 20)}}) {
    const SearchCost cost = search_cost(index_of({128, Metric::kL2}, members), 1, 10);
    EXPECT_GT(cost.microseconds, 0);
    EXPECT_LT(cost.microseconds, 1000);
    EXPECT_GT(cost.pages, 0);
  }
}

TEST(SearchCostTest, ALargerEfNeverCostsLess) {
  for (const Kind& kind : kKinds) {
    for (uint32_t ef = 1; ef < 10000; ef *= 2) {
      EXPECT_LE(time_of(kind, {segment(1000000), tail(1000)}, 1, ef),
                time_of(kind, {segment(1000000), tail(1000)}, 1, 2 * ef));
    }
  }
}

}  // namespace
}  // namespace vseg
