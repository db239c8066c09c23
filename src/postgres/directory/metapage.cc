#include "postgres/directory/metapage.h"

extern "C" {
#include "storage/backendid.h"
}

#include "postgres/pages/pages.h"

namespace vseg {
namespace pg {
namespace {

const char* metapage_problem(Relation index, const Metapage& meta) {
  if (meta.magic != kMetapageMagic) {
    return "metapage has a wrong magic number";
  }
  if (meta.directory_count > kMaxDirectoryEntries || meta.displaced_count > kMaxDisplaced) {
    return "directory is larger than its page";
  }
  if (meta.dimensions < 1 || meta.dimensions > kMaxDimensions) {
    return "number of dimensions is out of range";
  }
  // The column may have lost its number of dimensions since the index was built, but not changed
  // it.
  const uint32_t column = column_dimensions(index);
  if (column != 0 && column != meta.dimensions) {
    return "number of dimensions is not the column's";
  }
  if (meta.metric < Metric::kL2 || meta.metric > Metric::kL1) {
    return "metric is unknown";
  }
  return nullptr;
}

}  // namespace

uint32_t column_dimensions(Relation index) {
  const int32 typmod = TupleDescAttr(RelationGetDescr(index), 0)->atttypmod;
  return typmod > 0 ? static_cast<uint32_t>(typmod) : 0;
}

void read_metapage(Relation index, Metapage* copy, Snapshot snapshot) {
  if (RelationGetNumberOfBlocks(index) == 0) {
    raise_corrupt(index, kMetapageBlock, "index is empty");
  }
  Buffer buffer = ReadBuffer(index, kMetapageBlock);
  LockBuffer(buffer, BUFFER_LOCK_SHARE);
  Page page = BufferGetPage(buffer);
  const auto* meta = payload_as<Metapage>(page);
  if (!PageIsNew(page) && meta->magic == kMetapageMagic && meta->format_version != kFormatVersion) {
    ereport(ERROR,
            (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
             errmsg("vseg index \"%s\" has format version %u, which this version of vseg does not "
                    "read",
                    RelationGetRelationName(index), meta->format_version),
             errdetail("This version of vseg reads format version %u.", kFormatVersion),
             errhint("REINDEX the index.")));
  }
  check_page(index, buffer, {PageKind::kMeta, 0});
  check_old_snapshot(index, page, snapshot);
  *copy = *meta;
  UnlockReleaseBuffer(buffer);

  const char* problem = metapage_problem(index, *copy);
  if (problem != nullptr) {
    raise_corrupt(index, kMetapageBlock, problem);
  }
}

Buffer open_metapage_for_publish(Relation index, GenericXLogState* record, Metapage** page) {
  Buffer buffer = read_locked(index, kMetapageBlock, BUFFER_LOCK_EXCLUSIVE, {PageKind::kMeta, 0});
  *page = payload_as<Metapage>(GenericXLogRegisterBuffer(record, buffer, 0));
  (*page)->generation++;
  return buffer;
}

uint32_t count_members(const Metapage& metapage, MemberKind kind) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < metapage.directory_count; i++) {
    count += metapage.directory[i].kind == kind ? 1 : 0;
  }
  return count;
}

ChainRef own_append_chain(Relation index, const Metapage& metapage) {
  const uint32_t chains = count_members(metapage, MemberKind::kAppendChain);
  if (chains == 0) {
    raise_corrupt(index, kMetapageBlock, "directory has no append chain");
  }
  uint32_t skip = static_cast<uint32_t>(MyBackendId) % chains;
  const DirectoryEntry* entry = metapage.directory;
  while (entry->kind != MemberKind::kAppendChain || skip-- > 0) {
    entry++;
  }
  return {entry->id, entry->header_block};
}

}  // namespace pg
}  // namespace vseg
