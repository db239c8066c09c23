#include "postgres/pages/extents.h"

#include <algorithm>
#include <cstring>

#include "engine/common/bits.h"
#include "engine/format/metapage_format.h"
#include "engine/format/segment_format.h"
#include "postgres/pages/file_extension.h"
#include "postgres/pages/pages.h"

namespace vseg {
namespace pg {
namespace {

constexpr PageExpectation kMapPage = {PageKind::kAllocationMap, 0};

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

constexpr uint32_t kMaxMaps = (MaxBlockNumber / kExtentPages) / kExtentsPerMap;

// Locks map page number `k` exclusively, checked; the file is extended up to it. Its page may be
// new: then register_map makes it.
Buffer lock_map(Relation index, uint32_t k) {
  const BlockNumber block = allocation_map_block(k * kExtentsPerMap);
  extend_to_block(index, block);
  Buffer buffer = ReadBuffer(index, block);
  LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
  // The first map page was written with the index: should it be empty, what it said is lost, and
  // every extent would look free.
  if (k == 0 || !PageIsNew(BufferGetPage(buffer))) {
    check_page(index, buffer, kMapPage);
  }
  return buffer;
}

// Puts a locked map page into the record; returns the image to change. A new page begins with the
// extent it lies in taken.
char* register_map(GenericXLogState* record, Buffer buffer) {
  if (!PageIsNew(BufferGetPage(buffer))) {
    return payload(GenericXLogRegisterBuffer(record, buffer, 0));
  }
  Page page = GenericXLogRegisterBuffer(record, buffer, GENERIC_XLOG_FULL_IMAGE);
  init_page(page, kMapPage, kPagePayload);
  set_bit(payload(page), 0);
  return payload(page);
}

// Locks the first map page that has a free extent, from number `k` on; `k` becomes its number.
// Locked when it is looked at, so that none fills up between the look and the record.
Buffer lock_map_with_room(Relation index, uint32_t* k) {
  for (; *k < kMaxMaps; ++*k) {
    Buffer buffer = lock_map(index, *k);
    Page page = BufferGetPage(buffer);
    if (PageIsNew(page) || first_clear(payload(page)) < kExtentsPerMap) {
      return buffer;
    }
    UnlockReleaseBuffer(buffer);
  }
  ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                  errmsg("vseg index \"%s\" has no space left", RelationGetRelationName(index)),
                  errdetail("A relation cannot have more than %u blocks.", MaxBlockNumber)));
  pg_unreachable();
}

}  // namespace

ExtentClaim claim_extent(Relation index, GenericXLogState* record) {
  uint32_t k = 0;
  Buffer buffer = lock_map_with_room(index, &k);
  char* map = register_map(record, buffer);
  const uint32_t bit = first_clear(map);
  set_bit(map, bit);
  return {k * kExtentsPerMap + bit, buffer};
}

namespace {

// Makes the file long enough for `count` more extents from `end` on, an extent at a time, before
// they are claimed: whoever claims one behind them would have to do it, in one go and under buffer
// locks. Appends them to `chosen`.
void extend_by_extents(Relation index, uint32_t end, uint32_t count, BufferAccessStrategy strategy,
                       const std::function<void()>& look, std::vector<ExtentRun>* chosen) {
  for (uint32_t extent = end; count > 0; extent++) {
    look();
    call_pg([&] {
      CHECK_FOR_INTERRUPTS();
      extend_to_block(index, (extent + 1) * kExtentPages - 1, strategy);
    });
    if (extent % kExtentsPerMap != 0) {  // else it holds a map page
      chosen->push_back({extent, 1});
      count--;
    }
  }
}

// Free runs among the first `end` extents, ascending.
std::vector<ExtentRun> free_runs(Relation index, uint32_t end) {
  std::vector<ExtentRun> runs;
  std::vector<char> map(kPagePayload);
  for (uint32_t first = 0; first < end; first += kExtentsPerMap) {
    call_pg([&] {
      CHECK_FOR_INTERRUPTS();
      copy_allocation_map(index, first / kExtentsPerMap, map.data());
    });
    for (uint32_t bit = first == 0 ? 0 : 1; bit < kExtentsPerMap && first + bit < end; bit++) {
      if (get_bit(map.data(), bit)) {
        continue;
      }
      const uint32_t extent = first + bit;
      if (!runs.empty() && runs.back().first + runs.back().extents == extent) {
        runs.back().extents++;
      } else {
        runs.push_back({extent, 1});
      }
    }
  }
  return runs;
}

// Takes those of `wanted`, which ascend, that are still free.
void claim_runs(Relation index, const std::vector<ExtentRun>& wanted,
                std::vector<uint32_t>* extents) {
  std::vector<uint32_t> list;
  for (const ExtentRun& run : wanted) {
    for (uint32_t i = 0; i < run.extents; i++) {
      list.push_back(run.first + i);
    }
  }
  extents->reserve(extents->size() + list.size());
  for (size_t next = 0; next < list.size();) {
    call_pg([&] {
      CHECK_FOR_INTERRUPTS();
      const uint32_t k = list[next] / kExtentsPerMap;
      Buffer buffer = lock_map(index, k);
      GenericXLogState* record = GenericXLogStart(index);
      char* map = register_map(record, buffer);
      for (; next < list.size() && list[next] / kExtentsPerMap == k; next++) {
        if (!get_bit(map, list[next] % kExtentsPerMap)) {
          set_bit(map, list[next] % kExtentsPerMap);
          extents->push_back(list[next]);
        }
      }
      GenericXLogFinish(record);
      UnlockReleaseBuffer(buffer);
    });
  }
}

}  // namespace

// Others may take extents between the look at the maps and the claim: what is missing then is
// looked for again.
std::vector<uint32_t> claim_extents(Relation index, uint32_t count, BufferAccessStrategy strategy,
                                    const std::function<void()>& look) {
  std::vector<uint32_t> extents;
  while (extents.size() < count) {
    const BlockNumber blocks = call_pg([&] { return RelationGetNumberOfBlocks(index); });
    const uint32_t end = (blocks + kExtentPages - 1) / kExtentPages;
    const auto missing = static_cast<uint32_t>(count - extents.size());
    std::vector<ExtentRun> chosen =
        choose_extents(free_runs(index, end), missing, kMaxExtentRuns / 2);
    uint32_t found = 0;
    for (const ExtentRun& run : chosen) {
      found += run.extents;
    }
    extend_by_extents(index, end, missing - found, strategy, look, &chosen);
    claim_runs(index, chosen, &extents);
  }
  std::sort(extents.begin(), extents.end());
  return extents;
}

// The lowest that are free are chosen first: what lies above makes no difference.
bool has_room_below(Relation index, uint32_t count, uint32_t extent) {
  uint32_t found = 0;
  for (const ExtentRun& run : choose_extents(free_runs(index, extent), count, kMaxExtentRuns / 2)) {
    found += run.extents;
  }
  return found == count;
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
  const bool allocated = get_bit(map, bit);
  UnlockReleaseBuffer(buffer);
  return allocated;
}

void check_next_page(Relation index, BlockNumber found_in, uint32_t extent, uint32_t used) {
  if (used > kExtentPages ||
      (uint64_t{extent} * kExtentPages + used >= RelationGetNumberOfBlocks(index) &&
       !is_allocated(index, extent))) {
    raise_corrupt(index, found_in, "next page is to be taken from an impossible place");
  }
}

void mark_extents(Relation index, uint32_t first, uint32_t count) {
  uint32_t next = first;
  const uint32_t end = first + count;
  while (next < end) {
    const uint32_t k = next / kExtentsPerMap;
    Buffer buffer = lock_map(index, k);
    GenericXLogState* record = GenericXLogStart(index);
    char* map = register_map(record, buffer);
    for (const uint32_t stop = std::min(end, (k + 1) * kExtentsPerMap); next < stop; next++) {
      set_bit(map, next % kExtentsPerMap);
    }
    GenericXLogFinish(record);
    UnlockReleaseBuffer(buffer);
  }
}

uint32_t allocation_maps(Relation index) {
  const BlockNumber blocks = RelationGetNumberOfBlocks(index);
  uint32_t maps = 0;
  while (maps < kMaxMaps && allocation_map_block(maps * kExtentsPerMap) < blocks) {
    maps++;
  }
  return maps;
}

void copy_allocation_map(Relation index, uint32_t k, char* map) {
  Buffer buffer = ReadBuffer(index, allocation_map_block(k * kExtentsPerMap));
  LockBuffer(buffer, BUFFER_LOCK_SHARE);
  Page page = BufferGetPage(buffer);
  if (k > 0 && PageIsNew(page)) {
    memset(map, 0, kPagePayload);
  } else {
    check_page(index, buffer, kMapPage);
    memcpy(map, payload(page), kPagePayload);
  }
  UnlockReleaseBuffer(buffer);
}

uint32_t count_free_extents(Relation index, uint32_t end) {
  uint32_t free = 0;
  char map[kPagePayload];
  for (uint32_t first = 0; first < end; first += kExtentsPerMap) {
    CHECK_FOR_INTERRUPTS();
    copy_allocation_map(index, first / kExtentsPerMap, map);
    for (uint32_t bit = 0; bit < kExtentsPerMap && first + bit < end; bit++) {
      free += get_bit(map, bit) ? 0 : 1;
    }
  }
  return free;
}

uint32_t end_of_taken_extents(Relation index) {
  char map[kPagePayload];
  for (uint32_t k = allocation_maps(index); k-- > 0;) {
    copy_allocation_map(index, k, map);
    // A map page's own extent is not needed for it alone, but for the first one.
    for (uint32_t bit = kExtentsPerMap; bit-- > (k == 0 ? 0 : 1);) {
      if (get_bit(map, bit)) {
        return k * kExtentsPerMap + bit + 1;
      }
    }
  }
  return 0;
}

Buffer release_extents(Relation index, GenericXLogState* record, const uint32_t* extents,
                       size_t count) {
  Buffer buffer = lock_map(index, extents[0] / kExtentsPerMap);
  char* map = register_map(record, buffer);
  for (size_t i = 0; i < count; i++) {
    const uint32_t bit = extents[i] % kExtentsPerMap;
    if (!get_bit(map, bit)) {
      raise_corrupt(index, BufferGetBlockNumber(buffer), "space to be released is not taken");
    }
    clear_bit(map, bit);
  }
  return buffer;
}

}  // namespace pg
}  // namespace vseg
