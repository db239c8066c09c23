#include "engine/format/entry_tree.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace vseg {
namespace {

TEST(EntryTree, OfNoPointsIsEmpty) {
  EntryTree tree(0, 32);
  EXPECT_EQ(tree.levels(), 0u);
  EXPECT_EQ(tree.blocks(), 0u);
}

TEST(EntryTree, HasAsManyLevelsAsItsPointsNeed) {
  EXPECT_EQ(EntryTree(1, 32).levels(), 1u);
  EXPECT_EQ(EntryTree(32, 32).levels(), 1u);
  EXPECT_EQ(EntryTree(33, 32).levels(), 2u);
  EXPECT_EQ(EntryTree(1024, 32).levels(), 2u);
  EXPECT_EQ(EntryTree(1025, 32).levels(), 3u);
  EXPECT_EQ(EntryTree(0xFFFFFFFF, 32).levels(), 7u);
  EXPECT_EQ(EntryTree(0xFFFFFFFF, 2).levels(), 32u);
}

// The children of a level's blocks, one block after the other, are the next level.
void expect_levels_in_order(const EntryTree& tree, uint32_t degree) {
  for (uint32_t level = 0; level < tree.levels(); level++) {
    const EntryLevel blocks = tree.level(level);
    const EntryLevel below = tree.level(level + 1);
    uint32_t next = below.first;
    for (uint32_t block = blocks.first; block < blocks.first + blocks.count; block++) {
      const EntryLevel children = tree.children(level, block);
      ASSERT_EQ(children.first, next);
      ASSERT_GT(children.count, 0u);
      ASSERT_LE(children.count, degree);
      next += children.count;
    }
    ASSERT_EQ(next, below.first + below.count);
  }
}

TEST(EntryTree, EveryBlockAndPointIsBelowOneBlock) {
  for (uint32_t degree : {16u, 32u, 208u}) {
    for (uint32_t points : {1u, 16u, 17u, 32u, 33u, 1000u, 1024u, 1025u, 40000u}) {
      EntryTree tree(points, degree);
      EXPECT_EQ(tree.level(0).first, 0u);
      EXPECT_EQ(tree.level(0).count, 1u);
      EXPECT_EQ(tree.level(tree.levels()).count, points);
      const EntryLevel last = tree.level(tree.levels() - 1);
      EXPECT_EQ(tree.blocks(), last.first + last.count);
      expect_levels_in_order(tree, degree);
    }
  }
}

}  // namespace
}  // namespace vseg
