// Pages of the index relation: making them, checking them, reading them for the engine.
#ifndef VSEG_POSTGRES_PAGES_PAGES_H_
#define VSEG_POSTGRES_PAGES_PAGES_H_

#include "postgres/boundary/guard.h"

#include "engine/format/page_format.h"
#include "engine/pages/page_source.h"
#include "postgres/pages/buffer_hints.h"

namespace vseg {
namespace pg {

static_assert(BLCKSZ == kPageSize, "vseg supports only PostgreSQL's default block size of 8 kB");
static_assert(MAXALIGN(SizeOfPageHeaderData) == kPageHeaderSize);

// Makes `page` an empty page of that kind whose first `payload_bytes` are in use and zero.
void init_page(Page page, PageExpectation what, size_t payload_bytes);

inline char* payload(Page page) { return static_cast<char*>(page) + kPageHeaderSize; }
template <typename T>
T* payload_as(Page page) {
  return reinterpret_cast<T*>(payload(page));
}

// Bytes of the payload in use: what lies behind is a hole that WAL does not keep.
void set_payload_bytes(Page page, size_t bytes);

// Null if `page` is what is expected, else what is wrong with it (a constant).
const char* page_problem(Page page, PageExpectation expected);

// With old_snapshot_threshold, VACUUM removes rows that old snapshots see: raises
// ERRCODE_SNAPSHOT_TOO_OLD where `snapshot` is such a one and the page has changed since. For pages
// that change while they are searched: the metapage, entries of append chains, tombstones. Where
// VACUUM's marks were left behind in a merge, the metapage has changed.
void check_old_snapshot(Relation index, Page page, Snapshot snapshot);

// Raises ERRCODE_INDEX_CORRUPTED if the page in `buffer` is not what is expected.
void check_page(Relation index, Buffer buffer, PageExpectation expected);
[[noreturn]] void raise_corrupt(Relation index, BlockNumber block, const char* problem);

// Reads and locks a page, checked. `mode` as for LockBuffer.
Buffer read_locked(Relation index, BlockNumber block, int mode, PageExpectation expected);

// The same, exclusively; `*waited`: whether another had to let go of the page first.
Buffer read_locked_exclusively(Relation index, BlockNumber block, PageExpectation expected,
                               bool* waited);

// What the page in `block` says it is. Raises ERRCODE_INDEX_CORRUPTED if it is no page of vseg.
PageKind page_kind(Relation index, BlockNumber block);

// A page of the relation that nobody owns yet, exclusively locked, its old content irrelevant; the
// relation is extended up to it where it ends before.
Buffer take_page(Relation index, BlockNumber block, BufferAccessStrategy strategy = nullptr);

// The same with `count` pages from `first` on, in ascending order.
void take_pages(Relation index, BlockNumber first, uint32_t count, Buffer* buffers);

// Writes `count` (<= 32) full images of pages, already filled and exclusively locked, in one WAL
// record; then unlocks and releases them.
void log_and_release_new_pages(Relation index, const Buffer* buffers, int count);
constexpr int kMaxPagesPerRecord = 32;

// The engine's view of the index, through shared buffers. Pins at most one page, and none once
// release() was called, which every callback does before it returns to the executor.
class BufferPages final : public PageSource {
 public:
  explicit BufferPages(Relation index, BufferAccessStrategy strategy = nullptr);

  // For a search by `snapshot`, which copies no page that is newer than a snapshot too old.
  BufferPages(Relation index, Snapshot snapshot) : BufferPages(index) { snapshot_ = snapshot; }

  const std::byte* pin(BlockNo block, PageExpectation expected) override;
  void copy(BlockNo block, PageExpectation expected, std::byte* payload) override;
  void prefetch(BlockNo block, uint32_t offset, uint32_t bytes) override;

  void release();

 private:
  void check_bounds(BlockNo block);
  Buffer pin_by_strategy(Buffer previous, BlockNumber block);

  Relation index_;
  BufferAccessStrategy strategy_;  // of who reads everything once; null for searches
  Snapshot snapshot_ = nullptr;    // of searches
  BufferHints hints_;
  BlockNumber blocks_;
  Buffer pinned_ = InvalidBuffer;
};

}  // namespace pg
}  // namespace vseg

#endif  // VSEG_POSTGRES_PAGES_PAGES_H_
