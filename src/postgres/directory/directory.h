// Changing the directory of a living index: members are replaced by others.
#ifndef VSEG_POSTGRES_DIRECTORY_DIRECTORY_H_
#define VSEG_POSTGRES_DIRECTORY_DIRECTORY_H_

#include "postgres/boundary/postgres_headers.h"

#include "engine/format/metapage_format.h"
#include "postgres/directory/metapage.h"

namespace vseg {
namespace pg {

// The number of a segment that is about to be written; never given twice, whatever becomes of it.
// Changes the metapage, not the directory: needs no lock but the page's own.
uint32_t reserve_member_id(Relation index);

struct ReplacedMember {
  uint32_t id;
  uint32_t pages;  // that it takes
};

// What a merge or seal makes of its inputs. `outputs` are written and logged.
struct Replacement {
  const ReplacedMember* inputs;
  uint32_t input_count;
  const DirectoryEntry* outputs;
  uint32_t output_count;
};

// Whether the directory has room for a replacement of that size, and the same, raising
// ERRCODE_PROGRAM_LIMIT_EXCEEDED where it has not.
bool has_room(const Metapage& metapage, uint32_t inputs, uint32_t outputs);
void require_room(Relation index, const Metapage& metapage, uint32_t inputs, uint32_t outputs);

// Lists a written segment in the image of the metapage. REQUIRES: room.
void publish_segment(Metapage* metapage, const DirectoryEntry& segment);

// Replaces the inputs by the outputs in the directory as it is now, in one WAL record, and lists
// the inputs' space as displaced, unstamped. Raises as require_room() does. REQUIRES: PUBLISH, and
// the job lock that keeps others from replacing the inputs.
void publish_replacement(Relation index, const Replacement& replacement);

// Lists append chains that have pages as flat runs, all of them or the one of number `id`, and an
// empty chain where no other is left, in one WAL record. False, and nothing has changed, where
// there is nothing to freeze or no room in the directory. REQUIRES: PUBLISH.
//
// Inserters that read the directory before may still append to a run: close_run() ends that.
bool freeze_append_chains(Relation index);
bool freeze_append_chain(Relation index, uint32_t id);

// Clears the OPEN flag of a flat run's last page: from then on its rows are final. May be repeated.
// REQUIRES: SEAL.
void close_run(Relation index, const DirectoryEntry& run);

// Inserters list no chains and runs beyond this many members: the rest of the directory is for
// seals and merges, whose results make room.
constexpr uint32_t kMaxMembersForInserters = 48;

// Lists one more append chain, empty, in one WAL record. False, and nothing has changed, where
// there are kMaxAppendChains already or no room, as has_room_for_chain() says of an image of the
// metapage. REQUIRES: PUBLISH.
bool list_append_chain(Relation index, ChainRef* chain);
bool has_room_for_chain(const Metapage& metapage);

// Flat runs that may wait to be sealed before inserters list no more. A search reads the last page
// of codes of each, and sealing lists them as displaced all at once.
constexpr uint32_t kMaxRunsOfInserters = 16;

// Lists a flat run for this backend alone to append to, with its first entry page, open, in one WAL
// record: whatever becomes of the backend, its rows are found, and whoever seals it can close it.
// False, and nothing has changed, where there are kMaxRunsOfInserters already or no room.
// REQUIRES: PUBLISH.
bool list_flat_run(Relation index, ChainRef* run);

}  // namespace pg
}  // namespace vseg

#endif  // VSEG_POSTGRES_DIRECTORY_DIRECTORY_H_
