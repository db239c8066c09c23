// An index's pages in memory: what PostgreSQL's buffer manager is to the engine in a server.
#ifndef VSEG_TEST_UNIT_MEMORY_PAGES_H_
#define VSEG_TEST_UNIT_MEMORY_PAGES_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <stdexcept>
#include <utility>
#include <vector>

#include "engine/common/errors.h"
#include "engine/pages/page_source.h"

namespace vseg {

struct MemoryPage {
  PageKind kind;
  uint32_t owner;
  std::vector<std::byte> payload;  // zero bytes at the end left out
};

// Each pin returns a buffer of its own that is gone at the next call, so that a sanitizer notices
// who holds on to a page.
class MemoryPages : public PageSource {
 public:
  const std::byte* pin(BlockNo block, PageExpectation expected) override {
    pins++;
    auto payload = std::make_unique<std::byte[]>(kPagePayload);
    copy(block, expected, payload.get());
    pinned_ = std::move(payload);
    return pinned_.get();
  }

  void copy(BlockNo block, PageExpectation expected, std::byte* payload) override {
    auto found = pages_.find(block);
    if (found == pages_.end()) {
      throw CorruptIndexError(block, "no such page");
    }
    const MemoryPage& page = found->second;
    if (page.kind != expected.kind || page.owner != expected.owner) {
      throw CorruptIndexError(block, "page of another kind or owner");
    }
    pinned_.reset();
    if (page.kind == PageKind::kAppendVectors && block != vector_block_) {
      vector_reads++;
      vector_block_ = block;
    }
    if (!page.payload.empty()) {
      std::memcpy(payload, page.payload.data(), page.payload.size());
    }
    std::memset(payload + page.payload.size(), 0, kPagePayload - page.payload.size());
  }

  void prefetch(BlockNo block, uint32_t /*offset*/, uint32_t /*bytes*/) override {
    pinned_.reset();
    prefetches += pages_.count(block);
  }

  void put(BlockNo block, PageKind kind, uint32_t owner, const std::byte* payload, size_t bytes) {
    if (bytes > kPagePayload) {
      throw std::logic_error("more bytes than a page holds");
    }
    std::vector<std::byte> copy(payload, payload + bytes);
    while (!copy.empty() && copy.back() == std::byte{0}) {
      copy.pop_back();
    }
    copy.shrink_to_fit();
    pages_[block] = {kind, owner, std::move(copy)};
  }

  // The page in full, to be changed in place.
  MemoryPage& page(BlockNo block) {
    MemoryPage& page = pages_.at(block);
    page.payload.resize(kPagePayload);
    return page;
  }

  // A field of the page's payload, to be changed in place.
  template <typename T>
  T& at(BlockNo block, size_t offset) {
    return *reinterpret_cast<T*>(page(block).payload.data() + offset);
  }

  const std::map<BlockNo, MemoryPage>& all() const { return pages_; }

  uint64_t pins = 0;
  uint64_t prefetches = 0;
  uint64_t vector_reads = 0;  // of kAppendVectors pages, one read again and again counting once

 private:
  std::map<BlockNo, MemoryPage> pages_;
  std::unique_ptr<std::byte[]> pinned_;
  BlockNo vector_block_ = kNoBlock;  // the page of vectors read last
};

// Puts the logical pages of a segment into its extents.
class SegmentSink : public PageSink {
 public:
  SegmentSink(MemoryPages& pages, uint32_t owner, const std::vector<uint32_t>& extents,
              uint32_t first_page = 0)
      : pages_(pages), owner_(owner), extents_(extents), first_page_(first_page) {}

  void write(PageKind kind, const std::byte* payload, size_t bytes) override {
    const uint32_t page = first_page_ + written_;
    BlockNo block = extents_.at(page >> kExtentShift) * kExtentPages + (page & kExtentMask);
    pages_.put(block, kind, owner_, payload, bytes);
    written_++;
  }

  uint32_t written() const { return written_; }

 private:
  MemoryPages& pages_;
  uint32_t owner_;
  const std::vector<uint32_t>& extents_;
  uint32_t first_page_;
  uint32_t written_ = 0;
};

}  // namespace vseg

#endif  // VSEG_TEST_UNIT_MEMORY_PAGES_H_
