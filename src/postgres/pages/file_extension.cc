#include "postgres/pages/file_extension.h"

#include <algorithm>

#include <fcntl.h>

extern "C" {
#include "common/relpath.h"
#include "storage/fd.h"
#include "storage/smgr.h"
}

#include "engine/format/page_format.h"

namespace vseg {
namespace pg {
namespace {

// Pages that are worth reserving, rather than writing.
constexpr BlockNumber kFewPages = 8;

// The file grows by at most that part of its pages ahead of what is wanted.
constexpr BlockNumber kPartAhead = 8;

// Where a file of so many blocks is to end when it is extended to `block`: within one of the
// segments in which PostgreSQL keeps it.
BlockNumber end_of_extension(BlockNumber blocks, BlockNumber block) {
  const BlockNumber ahead =
      std::min<BlockNumber>(blocks / kPartAhead, kExtentPages - 1 - block % kExtentPages);
  const uint64_t segment_end = (uint64_t{blocks} / RELSEG_SIZE + 1) * RELSEG_SIZE;
  return static_cast<BlockNumber>(std::min<uint64_t>(uint64_t{block} + 1 + ahead, segment_end));
}

// Has the file system reserve zero pages from `first` on, in the file of the page before, which
// exists: to write them one by one, as PostgreSQL 15 extends a relation, took a fifth of the CPU
// time of a COPY. Where it does not reserve them, who then writes one learns why.
void reserve([[maybe_unused]] Relation index, [[maybe_unused]] BlockNumber first,
             [[maybe_unused]] BlockNumber count) {
#ifdef HAVE_POSIX_FALLOCATE
  char* path = relpath(RelationGetSmgr(index)->smgr_rnode, MAIN_FORKNUM);
  const BlockNumber segment = first / RELSEG_SIZE;
  char* segment_path = segment == 0 ? path : psprintf("%s.%u", path, segment);
  const int file = OpenTransientFile(segment_path, O_RDWR | PG_BINARY);
  if (file >= 0) {
    (void)posix_fallocate(file, static_cast<off_t>(first % RELSEG_SIZE) * BLCKSZ,
                          static_cast<off_t>(count) * BLCKSZ);
    CloseTransientFile(file);
  }
  if (segment_path != path) {
    pfree(segment_path);
  }
  pfree(path);
#endif
}

}  // namespace

void extend_to_block(Relation index, BlockNumber block, BufferAccessStrategy strategy) {
  if (RelationGetNumberOfBlocks(index) > block) {
    return;
  }
  LockRelationForExtension(index, ExclusiveLock);
  for (BlockNumber blocks; (blocks = RelationGetNumberOfBlocks(index)) <= block;) {
    const BlockNumber count = end_of_extension(blocks, block) - blocks;
    const bool begins_file = blocks % RELSEG_SIZE == 0;
    if (!begins_file && count >= kFewPages) {
      reserve(index, blocks, count - 1);
    }
    // Written, not reserved: so the checkpointer learns that it has to sync this file.
    ReleaseBuffer(ReadBufferExtended(index, MAIN_FORKNUM, P_NEW, RBM_NORMAL, strategy));
  }
  UnlockRelationForExtension(index, ExclusiveLock);
}

}  // namespace pg
}  // namespace vseg
