// The metapage: copied by scans, changed by publishes.
#ifndef VSEG_POSTGRES_DIRECTORY_METAPAGE_H_
#define VSEG_POSTGRES_DIRECTORY_METAPAGE_H_

#include "postgres/boundary/postgres_headers.h"

#include "engine/format/metapage_format.h"
#include "postgres/pages/index_locks.h"

namespace vseg {
namespace pg {

// Copies the metapage under a share lock, checked: ERRCODE_INDEX_CORRUPTED if it is damaged,
// ERRCODE_FEATURE_NOT_SUPPORTED if another version of vseg wrote it. `snapshot` as for
// check_old_snapshot, null for who searches nothing.
void read_metapage(Relation index, Metapage* copy, Snapshot snapshot = nullptr);

// Dimensions that the indexed column declares; 0 if it does not.
uint32_t column_dimensions(Relation index);

// Locks the metapage exclusively and puts it into a WAL record; `*page` is the image to change.
// REQUIRES: the PUBLISH lock, or an index nobody else can see yet.
Buffer open_metapage_for_publish(Relation index, GenericXLogState* record, Metapage** page);

// A chain or run that takes rows.
struct ChainRef {
  uint32_t id;
  BlockNumber header_block;
};

// Append chains an index may have: up to as many writers need not wait for one another. Each is one
// more member for a search to read.
constexpr uint32_t kMaxAppendChains = 4;

uint32_t count_members(const Metapage& metapage, MemberKind kind);

// The append chain of this backend: neighbours by backend number have different ones, as far as
// there are. Raises ERRCODE_INDEX_CORRUPTED if there is none.
ChainRef own_append_chain(Relation index, const Metapage& metapage);

}  // namespace pg
}  // namespace vseg

#endif  // VSEG_POSTGRES_DIRECTORY_METAPAGE_H_
