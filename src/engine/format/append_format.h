// An append chain's pages: rows in the order they were committed, open for more. On disk.
//
// A chain is a linked list of entry pages. Each entry page describes up to `capacity` rows (TID and
// flags) and lists the pages that hold their vectors: rows i of an entry page is in its vector
// page i / vectors_per_page, slot i % vectors_per_page; a vector larger than a page takes
// pages_per_vector pages, its bytes running on from payload to payload.
//
// The entry makes the row exist: it is logged after its vector.
#ifndef VSEG_ENGINE_FORMAT_APPEND_FORMAT_H_
#define VSEG_ENGINE_FORMAT_APPEND_FORMAT_H_

#include <cstddef>
#include <cstdint>

#include "engine/common/types.h"
#include "engine/format/page.h"

namespace vseg {

// Payload of the kAppendHeader page.
struct AppendChainHeader {
  uint32_t id;
  BlockNo first;         // entry page; kNoBlock while the chain is empty
  BlockNo tail;          // an entry page at or before the real tail: follow `next` from it
  uint32_t extent;       // where the first entry page is taken from,
  uint32_t extent_used;  // and how many blocks of it were taken before
};

constexpr uint16_t kEntryPageOpen = 1;  // rows may still be added; cleared when the chain freezes

// Payload of a kAppendEntries page starts with this, then AppendEntry[capacity], then the vector
// pages' block numbers.
struct AppendEntriesHeader {
  uint32_t id;            // chain
  BlockNo next;           // kNoBlock on the tail
  uint16_t flags;         // kEntryPageOpen
  uint16_t rows;          // entries in use
  uint32_t vector_pages;  // block numbers in use
  uint32_t extent;        // where the chain takes its next page from (valid on the tail)
  uint32_t extent_used;   // blocks of that extent already taken
  uint32_t reserved[2];
};
static_assert(sizeof(AppendEntriesHeader) == 32);

constexpr uint16_t kEntryDead = 1;  // VACUUM removed the heap row

struct AppendEntry {
  Tid tid;
  uint16_t flags;
};
static_assert(sizeof(AppendEntry) == 8);

struct AppendLayout {
  uint32_t vector_bytes;
  uint32_t vectors_per_page;  // 0 where a vector is larger than a page
  uint32_t pages_per_vector;  // 1 where it is not
  uint32_t capacity;          // rows of an entry page
  uint32_t max_vector_pages;  // vector pages of a full entry page
  uint32_t entries_offset;
  uint32_t blocks_offset;
};

AppendLayout make_append_layout(uint32_t dimensions);

// Whether an entry page of this layout can have such a header: its counts stay inside the page, and
// every row has its vector. Readers and writers trust no header before.
bool is_possible(const AppendEntriesHeader& header, const AppendLayout& layout);

}  // namespace vseg

#endif  // VSEG_ENGINE_FORMAT_APPEND_FORMAT_H_
