// Growing the file of an index.
#ifndef VSEG_POSTGRES_PAGES_FILE_EXTENSION_H_
#define VSEG_POSTGRES_PAGES_FILE_EXTENSION_H_

#include "postgres/boundary/postgres_headers.h"

namespace vseg {
namespace pg {

// Extends the relation so that it has `block`, and a little further, the more the larger it is:
// less than an extent. New pages are zero; those that are written for it are read into the ring of
// `strategy`.
void extend_to_block(Relation index, BlockNumber block, BufferAccessStrategy strategy = nullptr);

}  // namespace pg
}  // namespace vseg

#endif  // VSEG_POSTGRES_PAGES_FILE_EXTENSION_H_
