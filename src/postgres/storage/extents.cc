#include "postgres/storage/extents.h"

#include <algorithm>

#include "engine/format/metapage.h"
#include "postgres/storage/pages.h"

namespace vseg {
namespace pg {
namespace {

constexpr PageExpectation kMapPage = {PageKind::kAllocationMap, 0};

void set_bit(char* map, uint32_t bit) { map[bit / 8] |= static_cast<char>(1 << (bit % 8)); }

// The first clear bit, or kExtentsPerMap.
uint32_t first_clear(const char* map) {
  for (uint32_t byte = 0; byte < kPagePayload; byte++) {
    const auto value = static_cast<unsigned char>(map[byte]);
    if (value != 0xFF) {
      return byte * 8 + static_cast<uint32_t>(__builtin_ctz(~value & 0xFFU));
    }
  }
  return kExtentsPerMap;
}

// Locks map page number `k`; a page that does not exist yet is put into the record as a new one,
// with the extent it lies in taken. `*image` is the registered image.
Buffer open_map(Relation index, GenericXLogState* record, uint32_t k, char** image) {
  const BlockNumber block = allocation_map_block(k * kExtentsPerMap);
  if (block < RelationGetNumberOfBlocks(index)) {
    Buffer buffer = ReadBuffer(index, block);
    LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
    // The first map page was written with the index: should it be empty, what it said is lost, and
    // every extent would look free.
    if (k == 0 || !PageIsNew(BufferGetPage(buffer))) {
      check_page(index, buffer, kMapPage);
      *image = payload(GenericXLogRegisterBuffer(record, buffer, 0));
      return buffer;
    }
    UnlockReleaseBuffer(buffer);
  }
  // Nobody else makes this page meanwhile: the callers hold the append chain's tail, or the index
  // is theirs alone.
  Buffer buffer = take_page(index, block);
  Page page = GenericXLogRegisterBuffer(record, buffer, GENERIC_XLOG_FULL_IMAGE);
  init_page(page, kMapPage, kPagePayload);
  *image = payload(page);
  set_bit(*image, 0);
  return buffer;
}

}  // namespace

ExtentClaim claim_extent(Relation index, GenericXLogState* record) {
  for (uint32_t k = 0; k < (MaxBlockNumber / kExtentPages) / kExtentsPerMap; k++) {
    const BlockNumber block = allocation_map_block(k * kExtentsPerMap);
    if (block < RelationGetNumberOfBlocks(index)) {
      // A full map page is passed over without entering the record.
      Buffer buffer = ReadBuffer(index, block);
      LockBuffer(buffer, BUFFER_LOCK_SHARE);
      Page page = BufferGetPage(buffer);
      const bool full = !PageIsNew(page) && first_clear(payload(page)) == kExtentsPerMap;
      UnlockReleaseBuffer(buffer);
      if (full) {
        continue;
      }
    }
    char* map = nullptr;
    Buffer buffer = open_map(index, record, k, &map);
    const uint32_t bit = first_clear(map);
    if (bit < kExtentsPerMap) {
      set_bit(map, bit);
      return {k * kExtentsPerMap + bit, buffer};
    }
    // Filled since it was looked at. The record cannot let go of a page, so start over.
    UnlockReleaseBuffer(buffer);
    ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
                    errmsg("allocation map of vseg index \"%s\" filled up concurrently",
                           RelationGetRelationName(index)),
                    errhint("Repeat the statement.")));
  }
  ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                  errmsg("vseg index \"%s\" has no space left", RelationGetRelationName(index)),
                  errdetail("A relation cannot have more than %u blocks.", MaxBlockNumber)));
  pg_unreachable();
}

bool is_allocated(Relation index, uint32_t extent) {
  const BlockNumber block = allocation_map_block(extent);
  if (extent >= MaxBlockNumber / kExtentPages || block >= RelationGetNumberOfBlocks(index)) {
    return false;
  }
  Buffer buffer = ReadBuffer(index, block);
  LockBuffer(buffer, BUFFER_LOCK_SHARE);
  check_page(index, buffer, kMapPage);
  const uint32_t bit = extent % kExtentsPerMap;
  const char* map = payload(BufferGetPage(buffer));
  const bool allocated = (map[bit / 8] & (1 << (bit % 8))) != 0;
  UnlockReleaseBuffer(buffer);
  return allocated;
}

void mark_extents(Relation index, uint32_t first, uint32_t count) {
  uint32_t next = first;
  const uint32_t end = first + count;
  while (next < end) {
    const uint32_t k = next / kExtentsPerMap;
    GenericXLogState* record = GenericXLogStart(index);
    char* map = nullptr;
    Buffer buffer = open_map(index, record, k, &map);
    for (const uint32_t stop = std::min(end, (k + 1) * kExtentsPerMap); next < stop; next++) {
      set_bit(map, next % kExtentsPerMap);
    }
    GenericXLogFinish(record);
    UnlockReleaseBuffer(buffer);
  }
}

}  // namespace pg
}  // namespace vseg
