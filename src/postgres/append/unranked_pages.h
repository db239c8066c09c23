// Pages of unranked rows, which are changed in place.
#ifndef VSEG_POSTGRES_APPEND_UNRANKED_PAGES_H_
#define VSEG_POSTGRES_APPEND_UNRANKED_PAGES_H_

#include "postgres/boundary/postgres_headers.h"

#include <vector>

#include "engine/format/metapage_format.h"
#include "engine/format/unranked_format.h"

namespace vseg {
namespace pg {

// Fills the first page of an index without unranked rows.
void init_unranked_page(Page page);

// Adds the rows, with WAL; `*done` says how many were added, after an error too. `first`: the first
// page.
void append_unranked(Relation index, BlockNumber first, const UnrankedEntry* rows, size_t count,
                     size_t* done);

// Takes the entries whose place in `dead` is not 0 off a page, which may have got more since it was
// copied. Returns how many it has left. Under PUBLISH, so that nobody else takes any off.
uint32_t remove_unranked(Relation index, BlockNumber block, const std::vector<uint8>& dead);

// Rows to come are added to that page first.
void set_unranked_room(Relation index, BlockNumber first, BlockNumber room);

}  // namespace pg
}  // namespace vseg

#endif  // VSEG_POSTGRES_APPEND_UNRANKED_PAGES_H_
