#include "engine/segment/segment_builder.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <numeric>
#include <random>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "engine/common/errors.h"

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

class CountingMonitor final : public BuildMonitor {
 public:
  void inserted(uint32_t /*rows*/) override {}
  bool cancelled() override {
    looks++;
    return stop;
  }

  int looks = 0;
  bool stop = false;
};

// Calls back with the number of each page before it takes it.
class CountingSink final : public PageSink {
 public:
  explicit CountingSink(std::function<void(uint32_t page)> before) : before_(std::move(before)) {}

  void write(PageKind /*kind*/, const std::byte* /*payload*/, size_t /*bytes*/) override {
    before_(pages++);
  }

  uint32_t pages = 0;

 private:
  std::function<void(uint32_t)> before_;
};

class RepeatedVectors final : public ExactVectors {
 public:
  explicit RepeatedVectors(const std::vector<std::vector<float>>& rows) : rows_(rows) {}
  const float* next() override { return rows_[next_++].data(); }

 private:
  const std::vector<std::vector<float>>& rows_;
  size_t next_ = 0;
};

// A built segment that is written as often as wanted, by one thread.
class WrittenSegment {
 public:
  WrittenSegment(uint32_t rows, uint32_t dimensions)
      : builder_({dimensions, Metric::kL2, {}, size_t{1} << 30}) {
    std::mt19937 random(1);
    std::normal_distribution<float> normal;
    for (uint32_t i = 0; i < rows; i++) {
      std::vector<float> row(dimensions);
      std::generate(row.begin(), row.end(), [&] { return normal(random); });
      builder_.add({0, 0, 1}, row.data());
      rows_.push_back(std::move(row));
    }
    CountingMonitor monitor;
    builder_.build(monitor);
  }

  uint32_t pages() const { return builder_.plan(kId, 0).pages; }

  void write(BuildMonitor& monitor, PageSink& sink) const {
    SegmentPlace place{kId, 0, std::vector<uint32_t>(builder_.plan(kId, 0).extents)};
    std::iota(place.extents.begin(), place.extents.end(), 1U);
    RepeatedVectors vectors(rows_);
    builder_.write(place, vectors, monitor, sink);
  }

 private:
  static constexpr uint32_t kId = 2;

  SegmentBuilder builder_;
  std::vector<std::vector<float>> rows_;
};

TEST(SegmentBuilder, WritesNoMoreThanAPageOnceItIsStopped) {
  const WrittenSegment segment(600, 40);
  for (uint32_t stop_at = 0; stop_at + 1 < segment.pages(); stop_at++) {
    CountingMonitor monitor;
    // Whoever writes asks several times a second at most: a page that takes long gives it cause to.
    CountingSink sink([&](uint32_t page) {
      if (page == stop_at) {
        monitor.stop = true;
        std::this_thread::sleep_for(std::chrono::milliseconds(60));
      }
    });
    EXPECT_THROW(segment.write(monitor, sink), CancelledError) << "page " << stop_at;
    EXPECT_LE(sink.pages, stop_at + 2) << "page " << stop_at;
  }
}

// Codes are computed a batch of rows at a time, which takes long where rows have many dimensions.
TEST(SegmentBuilder, AsksWhileItComputesCodes) {
  const WrittenSegment segment(512, 16000);
  CountingMonitor monitor;
  int looks_before_nodes = -1;
  CountingSink sink([&](uint32_t page) {
    if (page == 1) {
      looks_before_nodes = monitor.looks;
    }
  });
  segment.write(monitor, sink);
  EXPECT_EQ(sink.pages, segment.pages());
  EXPECT_GE(looks_before_nodes, 2);
}

}  // namespace
}  // namespace vseg
