// What all pages of an index have in common. On disk: every change bumps kFormatVersion.
//
// A page is a standard PostgreSQL page: 24 bytes of header, a payload, and an 8-byte special area
// (PageTrailer) that says what the page is. The engine sees payloads only.
#ifndef VSEG_ENGINE_FORMAT_PAGE_FORMAT_H_
#define VSEG_ENGINE_FORMAT_PAGE_FORMAT_H_

#include <cstddef>
#include <cstdint>

namespace vseg {

constexpr uint32_t kPageSize = 8192;
constexpr uint32_t kPageHeaderSize = 24;
constexpr uint32_t kPageTrailerSize = 8;
constexpr uint32_t kPagePayload = kPageSize - kPageHeaderSize - kPageTrailerSize;  // 8,160

constexpr uint8_t kFormatVersion = 6;
constexpr uint16_t kPageMagic = 0xE567;

enum class PageKind : uint8_t {
  kMeta = 1,           // block 0: options, directory, displaced space
  kAllocationMap = 2,  // one bit an extent
  kSegmentHeader = 3,  // logical page 0 of a segment
  // 4 was a list of extents
  kNodes = 5,            // node blocks of a graph segment
  kTids = 6,             // heap addresses of a segment's rows
  kTombstones = 7,       // bitmap of a segment's dead rows; the only mutable pages of a segment
  kEntryPoints = 8,      // node blocks whose neighbours are where a walk may start
  kAppendHeader = 9,     // an append chain's first and tail page
  kAppendEntries = 10,   // heap addresses of appended rows and where their vectors are
  kAppendVectors = 11,   // vectors of appended rows
  kAppendCodes = 12,     // codes of appended rows, by groups
  kAppendCentroid = 13,  // what the codes are relative to
  kRemainders = 14,      // the second parts of split vectors of a graph segment
  kStatistics = 15,      // counters that nothing depends on
  kDisplaced = 16,       // space that waits to be reused, beyond what the metapage lists
  kUnranked = 17,        // heap addresses of rows without a distance
};

// The special area, at the end of each page (PostgreSQL's convention puts the identifying 16 bits
// last). `owner` is the segment's or chain's number, 0 where there is none: a page
// read through a wrong pointer is noticed.
struct PageTrailer {
  uint32_t owner;
  uint8_t version;  // kFormatVersion
  uint8_t kind;     // PageKind
  uint16_t magic;   // kPageMagic
};
static_assert(sizeof(PageTrailer) == kPageTrailerSize);

// Space is handed out in extents of this many consecutive blocks: extent e is blocks
// [e * 64, (e + 1) * 64). Extent 0 holds the metapage, the first allocation map, the statistics and
// the first page of unranked rows.
constexpr uint32_t kExtentPages = 64;
constexpr uint32_t kExtentShift = 6;
constexpr uint32_t kExtentMask = kExtentPages - 1;
constexpr uint32_t kNoExtent = 0xFFFFFFFF;

}  // namespace vseg

#endif  // VSEG_ENGINE_FORMAT_PAGE_FORMAT_H_
