#include "memory_index.h"

#include <sys/mman.h>

#include <cstring>
#include <new>

namespace vseg_bench {

// A mapping starts at a memory page, and is zero.
PageMemory::PageMemory(uint32_t blocks) : size_(size_t{blocks} * vseg::kPageSize) {
  void* mapped =
      mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, /*fd*/ -1, 0);
  if (mapped == MAP_FAILED) {
    throw std::bad_alloc();
  }
  bytes_ = static_cast<std::byte*>(mapped);
}

PageMemory::~PageMemory() { munmap(bytes_, size_); }

void MemoryPageSource::copy(vseg::BlockNo block, vseg::PageExpectation /*expected*/,
                            std::byte* payload) {
  std::memcpy(payload, memory_.payload(block), vseg::kPagePayload);
}

// As much as the server asks the CPU for (src/postgres/pages/pages.cc).
void MemoryPageSource::prefetch(vseg::BlockNo block, uint32_t offset, uint32_t bytes) {
  vseg::prefetch_lines(memory_.payload(block) + offset, bytes);
}

const std::byte* CountingPageSource::pin(vseg::BlockNo block, vseg::PageExpectation expected) {
  Count(block, expected.kind);
  return pages_.pin(block, expected);
}

void CountingPageSource::copy(vseg::BlockNo block, vseg::PageExpectation expected,
                              std::byte* payload) {
  Count(block, expected.kind);
  pages_.copy(block, expected, payload);
}

void CountingPageSource::Count(vseg::BlockNo block, vseg::PageKind kind) {
  pins++;
  node_pins += kind == vseg::PageKind::kNodes ? 1 : 0;
  distinct += seen_.insert(block).second ? 1 : 0;
}

}  // namespace vseg_bench
