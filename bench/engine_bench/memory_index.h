// An index relation's pages in memory: what shared buffers would hold, without a buffer manager.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_set>

#include "engine/pages/page_source.h"

namespace vseg_bench {

// Whole pages, one after the other in one mapping: block b is b pages from its start. A page has a
// header and a trailer as it has in the server, so that node blocks lie in memory as they do there.
class PageMemory {
 public:
  explicit PageMemory(uint32_t blocks);
  ~PageMemory();
  PageMemory(const PageMemory&) = delete;
  PageMemory& operator=(const PageMemory&) = delete;

  std::byte* payload(vseg::BlockNo block) const {
    return bytes_ + size_t{block} * vseg::kPageSize + vseg::kPageHeaderSize;
  }
  size_t bytes() const { return size_; }

 private:
  size_t size_;
  std::byte* bytes_;
};

// Reading is plain arithmetic: nothing is checked, locked or counted.
class MemoryPageSource : public vseg::PageSource {
 public:
  explicit MemoryPageSource(const PageMemory& memory) : memory_(memory) {}

  const std::byte* pin(vseg::BlockNo block, vseg::PageExpectation /*expected*/) override {
    return memory_.payload(block);
  }
  void copy(vseg::BlockNo block, vseg::PageExpectation expected, std::byte* payload) override;
  void prefetch(vseg::BlockNo block, uint32_t offset, uint32_t bytes) override;

 private:
  const PageMemory& memory_;
};

// Counts what is read, for passes that are not timed.
class CountingPageSource : public vseg::PageSource {
 public:
  explicit CountingPageSource(const PageMemory& memory) : pages_(memory) {}

  const std::byte* pin(vseg::BlockNo block, vseg::PageExpectation expected) override;
  void copy(vseg::BlockNo block, vseg::PageExpectation expected, std::byte* payload) override;
  void prefetch(vseg::BlockNo /*block*/, uint32_t /*offset*/, uint32_t /*bytes*/) override {}

  // Pages are different within one query: forgets which ones were read.
  void BeginQuery() { seen_.clear(); }

  uint64_t pins = 0;
  uint64_t distinct = 0;
  uint64_t node_pins = 0;

 private:
  void Count(vseg::BlockNo block, vseg::PageKind kind);

  MemoryPageSource pages_;
  std::unordered_set<vseg::BlockNo> seen_;
};

}  // namespace vseg_bench
