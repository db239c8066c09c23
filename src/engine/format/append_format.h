// An append chain's pages: rows in the order they were committed, open for more. On disk.
//
// A chain is a linked list of entry pages. Each entry page describes up to `capacity` rows (TID and
// flags) and lists the pages that hold their vectors: row i of an entry page is in its vector
// page i / vectors_per_page, slot i % vectors_per_page; a vector larger than a page takes
// pages_per_vector pages, its bytes running on from payload to payload.
//
// The entry makes the row exist: it is logged after its vector.
//
// An entry page's rows are in groups of 32: group g is rows 32g .. 32g + 31. Once its last row is
// there a group gets codes: a code area (engine/quantizer/edge_codes.h) of degree 32 whose lane is
// the row's number in the group. The neighbours are P(row - centroid), the node is the zero vector:
// a centroid subtracted before the rotation takes no digits from data far from the origin. Code
// areas are in code pages as vectors are in vector pages. The entry page counts its groups that
// have codes; what a code page holds beyond them means nothing. A lane whose additive factor is
// -infinity belongs to a row that no code can stand for.
//
// The centroid (float4[dimensions], in centroid_pages consecutive blocks) is the mean of the
// chain's first group, and never changes. Every entry page with codes names it, so that an image of
// an entry page is all that a reader needs.
#ifndef VSEG_ENGINE_FORMAT_APPEND_FORMAT_H_
#define VSEG_ENGINE_FORMAT_APPEND_FORMAT_H_

#include <cstddef>
#include <cstdint>

#include "engine/common/types.h"
#include "engine/format/page_format.h"
#include "engine/quantizer/edge_codes.h"

namespace vseg {

// Payload of the kAppendHeader page.
struct AppendChainHeader {
  uint32_t id;
  BlockNo first;         // entry page; kNoBlock while the chain is empty
  BlockNo tail;          // an entry page at or before the real tail: follow `next` from it
  uint32_t extent;       // where the first entry page is taken from,
  uint32_t extent_used;  // and how many blocks of it were taken before
};

constexpr uint16_t kEntryPageOpen = 1;  // rows may still be added; cleared when a run is closed

// Payload of a kAppendEntries page starts with this, then AppendEntry[capacity], then the code
// pages' block numbers, then the vector pages'.
struct AppendEntriesHeader {
  uint32_t id;            // chain
  BlockNo next;           // kNoBlock on the tail
  uint16_t flags;         // kEntryPageOpen
  uint16_t rows;          // entries in use
  uint32_t vector_pages;  // block numbers in use
  uint32_t extent;        // where the chain takes its next page from (valid on the tail)
  uint32_t extent_used;   // blocks of that extent already taken
  BlockNo centroid;       // its first page; kNoBlock before the chain's first group is complete
  uint16_t coded_groups;  // the first groups, which have codes
  uint16_t appended_at;   // append_clock() when rows were last added
  uint64_t rows_before;   // entries of the pages before this one: the tail knows the chain's length
};
static_assert(sizeof(AppendEntriesHeader) == 40);

// What a page keeps of the seconds since 1970. Ages are told modulo 18 hours.
inline uint16_t append_clock(int64_t seconds) { return static_cast<uint16_t>(seconds); }

// Seconds from a page's time to `clock`. A time up to ten minutes ahead, of a clock that was set
// back or of another machine's, is now.
inline uint32_t seconds_since(uint16_t appended_at, uint16_t clock) {
  constexpr uint32_t kAhead = 65536 - 600;
  const auto age = static_cast<uint16_t>(clock - appended_at);
  return age < kAhead ? age : 0;
}

// Rows without a graph.
struct UnsealedRows {
  uint64_t rows = 0;            // dead ones included
  uint32_t idle_seconds = ~0u;  // since any were added; with no rows the most there is

  void add(const UnsealedRows& others) {
    rows += others.rows;
    idle_seconds = others.idle_seconds < idle_seconds ? others.idle_seconds : idle_seconds;
  }
};

constexpr uint16_t kEntryDead = 1;  // VACUUM removed the heap row

struct AppendEntry {
  Tid tid;
  uint16_t flags;
};
static_assert(sizeof(AppendEntry) == 8);

constexpr uint32_t kAppendGroupRows = 32;

struct AppendLayout {
  uint32_t vector_bytes;
  uint32_t vectors_per_page;  // 0 where a vector is larger than a page
  uint32_t pages_per_vector;  // 1 where it is not
  uint32_t group_bytes;       // of a group's codes; 0: no codes, whatever the metric
  uint32_t groups_per_page;   // 0 where a group's codes are larger than a page
  uint32_t pages_per_group;   // 1 where they are not
  uint32_t centroid_pages;    // consecutive blocks
  uint32_t capacity;          // rows of an entry page: whole groups
  uint32_t max_vector_pages;  // vector pages of a full entry page
  uint32_t max_code_pages;    // code pages of a full entry page
  uint32_t entries_offset;
  uint32_t code_blocks_offset;
  uint32_t blocks_offset;  // of the vector pages
};

AppendLayout make_append_layout(uint32_t dimensions);

// Whether complete groups get codes. L1 has no estimate.
inline bool has_append_codes(Metric metric, const AppendLayout& layout) {
  return layout.group_bytes != 0 && has_edge_codes(metric);
}

// Pages of an entry page's first `groups` groups of codes.
uint32_t code_pages(const AppendLayout& layout, uint32_t groups);

// Whether an entry page of this layout can have such a header: its counts stay inside the page,
// every row has its vector, and every group that has codes its rows. Readers and writers trust no
// header before.
bool is_possible(const AppendEntriesHeader& header, const AppendLayout& layout);

}  // namespace vseg

#endif  // VSEG_ENGINE_FORMAT_APPEND_FORMAT_H_
