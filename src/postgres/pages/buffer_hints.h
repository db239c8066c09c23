// Where blocks were last found in shared buffers, for the life of the backend.
#ifndef VSEG_POSTGRES_PAGES_BUFFER_HINTS_H_
#define VSEG_POSTGRES_PAGES_BUFFER_HINTS_H_

#include "postgres/boundary/guard.h"

extern "C" {
#include "storage/buf.h"
#include "storage/relfilenode.h"
}

namespace vseg {
namespace pg {

// A table of buffer numbers, found by block, that remembers no more than that: whoever takes a hint
// checks it against the buffer's own tag. So nothing has to be invalidated, and blocks that share a
// slot only cost each other a look-up in PostgreSQL's buffer table. That look-up, a partition lock
// and a chain of a hash table larger than any cache, was a fifth of a search.
//
// The functions raise no PostgreSQL error and throw nothing.
class BufferHints {
 public:
  explicit BufferHints(const RelFileNode& node) : node_(node) {}

  // A buffer that may hold `block`, to be tried by ReadRecentBuffer; InvalidBuffer if none is
  // known.
  Buffer hint(BlockNumber block) const;

  // As hint, but only a shared buffer that holds the block at this moment.
  Buffer current(BlockNumber block) const;

  void remember(BlockNumber block, Buffer buffer);

 private:
  RelFileNode node_;
};

// What ReadBuffer does for a page that it finds and ReadRecentBuffer leaves out. It counts the hit
// in the relation's statistics, and raises the usage count of the buffer, without which the pages
// that are searched most would be the first to be evicted. To be called once `buffer` is pinned.
void count_hit(Relation relation, Buffer buffer);

}  // namespace pg
}  // namespace vseg

#endif  // VSEG_POSTGRES_PAGES_BUFFER_HINTS_H_
