#include "engine/segment/member_extents.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <set>

#include "engine/format/append_format.h"
#include "engine/format/metapage_format.h"
#include "engine/format/segment_format.h"
#include "engine/append/append_reader.h"
#include "engine/segment/segment_reader.h"
#include "engine/append/unranked_reader.h"

#include "engine/common/engine_only.h"

namespace vseg {
namespace {

uint32_t extent_of(BlockNo block) { return block >> kExtentShift; }

}  // namespace

std::vector<uint32_t> segment_extents(PageSource& pages, BlockNo header_block, uint32_t id,
                                      uint32_t dimensions) {
  SegmentHeader header;
  std::memcpy(&header, pages.pin(header_block, {PageKind::kSegmentHeader, id}), sizeof(header));
  // What the directory said about the segment, which may have left it.
  DirectoryEntry entry{};
  entry.id = id;
  entry.kind = MemberKind::kGraphSegment;
  entry.header_block = header_block;
  entry.extents = header.extents;
  entry.rows = header.rows;
  std::vector<uint32_t> extents = SegmentReader(pages, entry, dimensions).extents();
  extents.erase(std::remove(extents.begin(), extents.end(), 0), extents.end());
  std::sort(extents.begin(), extents.end());
  return extents;
}

std::vector<uint32_t> chain_extents(PageSource& pages, BlockNo header_block, uint32_t id,
                                    uint32_t dimensions) {
  DirectoryEntry entry{};
  entry.id = id;
  entry.kind = MemberKind::kFlatRun;
  entry.header_block = header_block;
  AppendReader reader(pages, entry, dimensions);
  std::set<uint32_t> extents = {extent_of(header_block), reader.first_extent()};
  while (reader.next_page()) {
    extents.insert(extent_of(reader.block()));
    extents.insert(reader.next_extent());
    for (const BlockNo block : reader.leads_to()) {
      extents.insert(extent_of(block));
    }
  }
  extents.erase(0);
  return {extents.begin(), extents.end()};
}

std::vector<uint32_t> unranked_extents(PageSource& pages, BlockNo first) {
  std::set<uint32_t> extents;
  UnrankedReader reader(pages, first);
  while (reader.next_page()) {
    extents.insert(extent_of(reader.block()));
    if (reader.block() == first) {
      extents.insert(reader.next_extent());
    }
  }
  extents.erase(0);
  return {extents.begin(), extents.end()};
}

}  // namespace vseg
