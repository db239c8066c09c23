// Pages of unranked rows: those whose vector has no distance to a query. On disk.
//
// SQL returns such rows, last: a zero vector under cosine, whose distance is NaN, before a NULL.
// All that an index keeps of them is their heap addresses, in a list of pages that begins at a
// fixed block and that no seal and no merge touches. A page's entries have no order: VACUUM takes
// the dead ones out, and their places are given to later rows.
#ifndef VSEG_ENGINE_FORMAT_UNRANKED_FORMAT_H_
#define VSEG_ENGINE_FORMAT_UNRANKED_FORMAT_H_

#include <cstddef>
#include <cstdint>

#include "engine/common/types.h"
#include "engine/format/page_format.h"

namespace vseg {

// In the order in which a scan returns them.
enum class Unranked : uint16_t {
  kNan = 1,   // a vector whose distance is NaN
  kNull = 2,  // no vector
};
constexpr Unranked kUnrankedKinds[] = {Unranked::kNan, Unranked::kNull};

struct UnrankedEntry {
  Tid tid;
  Unranked kind;
};
static_assert(sizeof(UnrankedEntry) == 8);

struct UnrankedPageHeader {
  BlockNo next;    // kNoBlock on the last page
  uint32_t count;  // entries in use
  // Of the first page only:
  BlockNo room;          // the first page that may have room
  uint32_t extent;       // where the next page is taken from,
  uint32_t extent_used;  // and how many blocks of it have been; kExtentPages: another extent's turn
  uint32_t reserved;
};
static_assert(sizeof(UnrankedPageHeader) == 24);

constexpr uint32_t kUnrankedPerPage =
    (kPagePayload - sizeof(UnrankedPageHeader)) / sizeof(UnrankedEntry);  // 1,017

struct UnrankedPage {
  UnrankedPageHeader header;
  UnrankedEntry entries[kUnrankedPerPage];
};
static_assert(sizeof(UnrankedPage) <= kPagePayload);

// Bytes of the payload in use.
inline size_t unranked_bytes(uint32_t count) {
  return sizeof(UnrankedPageHeader) + count * sizeof(UnrankedEntry);
}

inline bool is_possible(const UnrankedPageHeader& header) {
  return header.count <= kUnrankedPerPage && header.extent_used <= kExtentPages;
}

}  // namespace vseg

#endif  // VSEG_ENGINE_FORMAT_UNRANKED_FORMAT_H_
