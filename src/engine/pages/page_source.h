// How the engine reads pages: the narrow interface that PostgreSQL's buffer manager stands behind.
#ifndef VSEG_ENGINE_PAGES_PAGE_SOURCE_H_
#define VSEG_ENGINE_PAGES_PAGE_SOURCE_H_

#include <cstddef>
#include <cstdint>

#include "engine/common/types.h"
#include "engine/format/page.h"

namespace vseg {

// What a page must be for a read of it to succeed; anything else throws CorruptIndexError.
struct PageExpectation {
  PageKind kind;
  uint32_t owner;
};

class PageSource {
 public:
  virtual ~PageSource() = default;

  // The payload (kPagePayload bytes) of an immutable page; valid until the next call on this
  // source. Only for pages that a published directory lists and that never change.
  virtual const std::byte* pin(BlockNo block, PageExpectation expected) = 0;

  // Copies the payload (kPagePayload bytes) of a page that may be changing: one consistent image.
  virtual void copy(BlockNo block, PageExpectation expected, std::byte* payload) = 0;

  // Hints that the page of `block` will be pinned soon, and `bytes` of its payload from `offset` on
  // be read.
  virtual void prefetch(BlockNo block, uint32_t offset, uint32_t bytes) = 0;
};

// Receives the logical pages of a segment being written, in ascending order without gaps.
class PageSink {
 public:
  virtual ~PageSink() = default;

  // `payload` holds `bytes` <= kPagePayload bytes; the rest of the page is zero.
  virtual void write(PageKind kind, const std::byte* payload, size_t bytes) = 0;
};

}  // namespace vseg

#endif  // VSEG_ENGINE_PAGES_PAGE_SOURCE_H_
