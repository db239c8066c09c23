#include "postgres/storage/buffer_hints.h"

extern "C" {
#include "miscadmin.h"
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

void BufferHints::remember(BlockNumber block, Buffer buffer) { slot(node_, block) = buffer; }

}  // namespace pg
}  // namespace vseg
