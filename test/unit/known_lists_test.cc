#include "engine/graph/known_lists.h"

#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vseg {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<Ordinal> neighbors(const KnownLists& known, Ordinal row) {
  std::vector<Ordinal> found;
  known.neighbors(row, &found);
  return found;
}

std::vector<Ordinal> behind_dead(const KnownLists& known, Ordinal row) {
  std::vector<Ordinal> found;
  known.neighbors_of_dead(row, &found);
  return found;
}

// A graph of four rows, of which 1 and 2 are dead, then one of two.
KnownLists two_graphs() {
  KnownLists known(4);
  known.add({1, 3, 2}, true);
  known.add({0, 2, 3}, false);
  known.add({3}, false);
  known.add({0, 2}, true);
  known.end_graph(0);
  known.add({1}, true);
  known.add({0}, true);
  known.end_graph(0);
  return known;
}

TEST(KnownLists, CountsTheRowsOfTheFirstGraphAndOfAll) {
  const KnownLists known = two_graphs();
  EXPECT_EQ(known.base(), 2U);
  EXPECT_EQ(known.dead_rows(), 2U);
  EXPECT_EQ(known.rows(), 4U);
}

TEST(KnownLists, NamesTheLivingByTheirNewOrdinals) {
  const KnownLists known = two_graphs();
  EXPECT_THAT(neighbors(known, 0), ElementsAre(1));
  EXPECT_THAT(neighbors(known, 1), ElementsAre(0));
  EXPECT_THAT(neighbors(known, 2), ElementsAre(3));
  EXPECT_THAT(neighbors(known, 3), ElementsAre(2));
}

TEST(KnownLists, FindsWhatWasBehindTheDead) {
  const KnownLists known = two_graphs();
  EXPECT_THAT(behind_dead(known, 0), ElementsAre(0, 1, 1));
  EXPECT_THAT(behind_dead(known, 1), ElementsAre(1));
  EXPECT_THAT(behind_dead(known, 2), IsEmpty());
}

TEST(KnownLists, KeepsNoMoreNeighborsThanAListHasSlots) {
  KnownLists known(2);
  for (int i = 0; i < 4; ++i) {
    known.add({3, 2, 1, 0}, true);
  }
  known.end_graph(0);
  EXPECT_THAT(neighbors(known, 1), ElementsAre(3, 2));
}

TEST(KnownLists, AGraphWithoutRowsIsABaseOfNone) {
  KnownLists known(4);
  known.end_graph(0);
  known.add({}, true);
  known.end_graph(0);
  EXPECT_EQ(known.base(), 0U);
  EXPECT_EQ(known.rows(), 1U);
}

TEST(KnownLists, GivenUpItTakesNoMore) {
  KnownLists known = two_graphs();
  EXPECT_GT(known.bytes(), 0U);
  known.give_up();
  known.add({0}, true);
  known.end_graph(0);
  EXPECT_EQ(known.rows(), 0U);
  EXPECT_EQ(known.base(), 0U);
  EXPECT_EQ(known.bytes(), 0U);
}

// A graph of so many live and dead rows without neighbours.
KnownLists graph_of(uint32_t alive, uint32_t dead, uint32_t merges = 0) {
  KnownLists known(4);
  for (uint32_t i = 0; i < alive + dead; ++i) {
    known.add({}, i < alive);
  }
  known.end_graph(merges);
  return known;
}

TEST(KnownLists, AreBuiltOnWhereTheFirstGraphIsLargeAndFewRowsAreDead) {
  EXPECT_TRUE(worth_building_on(graph_of(100, 0), 100));
  EXPECT_TRUE(worth_building_on(graph_of(100, 0), 400));
  EXPECT_FALSE(worth_building_on(graph_of(100, 0), 2000));
  EXPECT_TRUE(worth_building_on(graph_of(100, 25), 100));
  EXPECT_FALSE(worth_building_on(graph_of(100, 100), 100));
  EXPECT_FALSE(worth_building_on(graph_of(0, 0), 0));
  EXPECT_FALSE(worth_building_on(graph_of(0, 0), 100));
}

TEST(KnownLists, AreBuiltOnTwiceInARow) {
  EXPECT_TRUE(worth_building_on(graph_of(100, 0, 1), 100));
  EXPECT_FALSE(worth_building_on(graph_of(100, 0, 2), 100));
}

TEST(KnownLists, HaveTheMergesOfTheFirstGraph) {
  KnownLists known = graph_of(10, 0, 1);
  known.add({}, true);
  known.end_graph(5);
  EXPECT_EQ(known.merges(), 1U);
}

}  // namespace
}  // namespace vseg
