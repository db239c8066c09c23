#include "postgres/pages/buffer_hints.h"

extern "C" {
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/buf_internals.h"
}

namespace vseg {
namespace pg {
namespace {

// Blocks of 2 GB have slots of their own. Zero pages of the table that are never touched take no
// memory.
constexpr uint32_t kSlots = 1u << 18;

Buffer slots[kSlots];  // InvalidBuffer = 0

// Indexes of one database that are searched by turns should not share slots.
Buffer& slot(const RelFileNode& node, BlockNumber block) {
  return slots[(block + node.relNode * 0x9E3779B1u) % kSlots];
}

}  // namespace

Buffer BufferHints::hint(BlockNumber block) const { return slot(node_, block); }

// The tag is read without a lock: it may change at any moment, before this or after.
Buffer BufferHints::current(BlockNumber block) const {
  const Buffer buffer = slot(node_, block);
  if (buffer <= 0 || buffer > NBuffers) {
    return InvalidBuffer;
  }
  const BufferTag& tag = GetBufferDescriptor(buffer - 1)->tag;
  const bool same = tag.blockNum == block && tag.rnode.relNode == node_.relNode &&
                    tag.rnode.dbNode == node_.dbNode && tag.rnode.spcNode == node_.spcNode &&
                    tag.forkNum == MAIN_FORKNUM;
  return same ? buffer : InvalidBuffer;
}

void count_hit(Relation relation, Buffer buffer) {
  pgstat_count_buffer_read(relation);
  pgstat_count_buffer_hit(relation);
  if (BufferIsLocal(buffer)) {
    return;  // ReadRecentBuffer raises the usage counts of these
  }
  BufferDesc* header = GetBufferDescriptor(buffer - 1);
  if (BUF_STATE_GET_USAGECOUNT(pg_atomic_read_u32(&header->state)) >= BM_MAX_USAGE_COUNT) {
    return;
  }
  uint32 state = LockBufHdr(header);
  if (BUF_STATE_GET_USAGECOUNT(state) < BM_MAX_USAGE_COUNT) {
    state += BUF_USAGECOUNT_ONE;
  }
  UnlockBufHdr(header, state);
}

void BufferHints::remember(BlockNumber block, Buffer buffer) { slot(node_, block) = buffer; }

}  // namespace pg
}  // namespace vseg
