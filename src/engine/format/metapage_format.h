// Block 0: what the index is, and the directory of everything a scan must search. On disk.
//
// A scan copies this page under a share lock and needs no lock after that: an entry lives in
// exactly one directory member of any one image of the metapage.
#ifndef VSEG_ENGINE_FORMAT_METAPAGE_FORMAT_H_
#define VSEG_ENGINE_FORMAT_METAPAGE_FORMAT_H_

#include <cstddef>
#include <cstdint>

#include "engine/common/types.h"
#include "engine/format/page_format.h"

namespace vseg {

constexpr uint32_t kMetapageMagic = 0x76736567;  // "vseg"
constexpr BlockNo kMetapageBlock = 0;
constexpr uint32_t kFirstChainId = 1;

// Where the first append chain begins, and another one once no member begins in extent 0 any more.
// Behind it a build puts its first segment, so that a small index is small.
constexpr BlockNo kFirstChainBlock = 4;

constexpr BlockNo kUnrankedBlock = 3;  // the first page of unranked rows

constexpr uint32_t kFirstSegmentId = 2;
constexpr uint32_t kMaxDirectoryEntries = 64;
constexpr uint32_t kMaxDisplaced = 80;  // listed here; older ones are in the displaced queue

enum class MemberKind : uint8_t {
  kAppendChain = 1,   // rows in the order they came, open for more
  kFlatRun = 2,       // a frozen chain, or what a bulk load wrote: no graph yet
  kGraphSegment = 3,  // immutable graph
};

// One member of the directory.
struct DirectoryEntry {
  uint32_t id;  // segment or chain number, never used twice in one index
  MemberKind kind;
  uint8_t tier;  // 0: size_tier() says it
  uint16_t reserved0;
  BlockNo header_block;  // its kSegmentHeader or kAppendHeader page
  uint32_t extents;      // extents it owns; 0 for an append chain (its pages know)
  uint64_t rows;         // dead ones included; 0 for an append chain
  uint64_t dead_rows;    // set bits of the tombstone bitmap
  uint64_t pages;        // pages in use
  uint64_t born;         // generation of the metapage that first listed it
  uint8_t reserved[48];
};
static_assert(sizeof(DirectoryEntry) == 96);

// Space that a publish took out of the directory and that waits until no scan can read it.
struct DisplacedSpace {
  BlockNo header_block;
  uint32_t id;
  uint64_t removable_after;  // FullTransactionId; 0 = not yet stamped
  uint32_t pages;            // of its extents
  uint32_t displaced_at;     // seconds since 1970
};
static_assert(sizeof(DisplacedSpace) == 24);

struct Metapage {
  uint32_t magic;           // kMetapageMagic
  uint32_t format_version;  // kFormatVersion
  uint32_t dimensions;
  Metric metric;
  uint8_t element;  // 1 = float4
  uint16_t m;
  uint16_t ef_construction;
  uint16_t directory_count;
  uint16_t displaced_count;
  // Segments that were given a number and are not published. While nobody writes one, more than 0
  // says that somebody failed to, and may have left extents behind.
  uint16_t unpublished;
  uint32_t next_id;               // next segment or chain number
  uint16_t first_extent_members;  // that begin in extent 0, displaced ones included
  uint16_t reserved0;
  uint64_t generation;         // counts publishes
  uint64_t incarnation;        // random, drawn when the index was built
  BlockNo displaced_head;      // oldest page of the displaced queue; kNoBlock while it has none
  BlockNo displaced_tail;      // newest
  uint32_t displaced_members;  // in the queue and here
  BlockNo unranked;            // kUnrankedBlock; 0: there is no page of unranked rows
  uint64_t displaced_pages;    // of these members
  DirectoryEntry directory[kMaxDirectoryEntries];
  DisplacedSpace displaced[kMaxDisplaced];  // oldest first
};
static_assert(sizeof(Metapage) <= kPagePayload);

// A page of the displaced queue: what the metapage's list had no room for any more. Pages are
// linked from the oldest to the newest; entries are added behind the last one and taken away from
// the first one on. The page after block b is b + 1 or, where b ends its extent, the first of
// another.
struct DisplacedPageHeader {
  BlockNo next;    // kNoBlock on the newest page
  uint16_t first;  // entries before it are gone
  uint16_t count;  // where the entries end
};
static_assert(sizeof(DisplacedPageHeader) == 8);

constexpr uint32_t kDisplacedPerPage =
    (kPagePayload - sizeof(DisplacedPageHeader)) / sizeof(DisplacedSpace);  // 339

struct DisplacedPage {
  DisplacedPageHeader header;
  DisplacedSpace spaces[kDisplacedPerPage];
};
static_assert(sizeof(DisplacedPage) <= kPagePayload);

inline bool is_possible(const DisplacedPageHeader& header) {
  return header.first <= header.count && header.count <= kDisplacedPerPage;
}

// Blocks of the graph segments that the directory lists.
inline uint64_t segment_pages(const Metapage& metapage) {
  uint64_t pages = 0;
  for (uint32_t i = 0; i < metapage.directory_count; i++) {
    pages +=
        metapage.directory[i].kind == MemberKind::kGraphSegment ? metapage.directory[i].pages : 0;
  }
  return pages;
}

// The allocation map page for extents [k * kExtentsPerMap, ...) is the second block of the first
// of them; that extent's bit is set from the start.
constexpr uint32_t kExtentsPerMap = kPagePayload * 8;  // 65,280 extents = 34 GB

inline BlockNo allocation_map_block(uint32_t extent) {
  return (extent / kExtentsPerMap) * kExtentsPerMap * kExtentPages + 1;
}

}  // namespace vseg

#endif  // VSEG_ENGINE_FORMAT_METAPAGE_FORMAT_H_
