#include "engine/segment/segment_builder.h"

#include <vector>

#include <gtest/gtest.h>

namespace vseg {
namespace {

constexpr SegmentBuilderOptions kOptions{32, Metric::kL2, {}, 2 << 20};

// Adds rows, each with a list, until the builder refuses one, or `most` are in.
uint64_t add_rows(SegmentBuilder* builder, uint64_t most) {
  const std::vector<float> vector(kOptions.dimensions, 1.5F);
  const std::vector<Ordinal> list(32, 0);
  for (uint64_t rows = 0; rows < most; ++rows) {
    builder->known_lists()->add(list, true);
    if (!builder->add({0, 0, 1}, vector.data())) {
      return rows;
    }
  }
  return most;
}

TEST(SegmentBuilder, ItsCapacityHasRoomForTheListsOfAllRows) {
  SegmentBuilder builder(kOptions);
  const uint64_t capacity = SegmentBuilder::capacity(kOptions);
  EXPECT_GT(capacity, 1000U);
  // Lists come in chunks, the last of which is for rows to come.
  EXPECT_EQ(add_rows(&builder, capacity - 256), capacity - 256);
  EXPECT_EQ(builder.known_lists()->rows(), capacity - 256);
}

// The README says what memory an index needs: for as many rows as background workers keep in 48
// segments of equal size.
TEST(SegmentBuilder, AHundredMillionRowsFitInto48SegmentsOfTwoAndAHalfGigabytes) {
  SegmentBuilderOptions options{768, Metric::kL2, {}, size_t{5} << 29};
  EXPECT_GE(48 * SegmentBuilder::capacity(options), 100000000U);
  options.memory = size_t{64} << 20;
  EXPECT_GE(48 * SegmentBuilder::capacity(options), 2500000U);
}

TEST(SegmentBuilder, GivesUpListsForRowsAndThenRefusesRows) {
  SegmentBuilder builder(kOptions);
  const uint64_t capacity = SegmentBuilder::capacity(kOptions);
  const uint64_t taken = add_rows(&builder, 10 * capacity);
  EXPECT_GT(taken, capacity);
  EXPECT_LT(taken, 2 * capacity);
  EXPECT_EQ(builder.known_lists()->rows(), 0U);
  EXPECT_EQ(builder.known_lists()->bytes(), 0U);
}

TEST(SegmentBuilder, ListsOfRowsBehindTheFirstSegmentAreNotKept) {
  SegmentBuilder builder(kOptions);
  add_rows(&builder, 100);
  builder.clear();
  add_rows(&builder, 100);
  EXPECT_EQ(builder.known_lists()->rows(), 0U);
}

}  // namespace
}  // namespace vseg
