// New pages of append chains and flat runs.
#ifndef VSEG_POSTGRES_STORAGE_CHAIN_PAGES_H_
#define VSEG_POSTGRES_STORAGE_CHAIN_PAGES_H_

#include "postgres/boundary/postgres_headers.h"

#include "engine/format/append_format.h"

namespace vseg {
namespace pg {

// Whose page it is, and where the next page after it is taken from.
struct ChainPosition {
  uint32_t id;
  uint32_t extent;
  uint32_t extent_used;  // blocks of the extent taken, up to and with the page itself
};

// Fills the header page of an empty chain.
void init_chain_header(Page page, const ChainPosition& position);

// Fills an entry page without rows, open for them.
void init_entry_page(Page page, const ChainPosition& position, const AppendLayout& layout);

}  // namespace pg
}  // namespace vseg

#endif  // VSEG_POSTGRES_STORAGE_CHAIN_PAGES_H_
