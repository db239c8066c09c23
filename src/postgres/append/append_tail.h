// The locked tail of an append chain: what appending rows and giving codes to groups share.
#ifndef VSEG_POSTGRES_APPEND_APPEND_TAIL_H_
#define VSEG_POSTGRES_APPEND_APPEND_TAIL_H_

#include "postgres/boundary/postgres_headers.h"

#include "engine/common/types.h"
#include "engine/format/append_format.h"
#include "postgres/pages/pages.h"

namespace vseg {

class AppendEncoder;

namespace pg {

// What making codes takes: there once a call completes a group.
struct Coding {
  MemoryContext context;   // of all that follows; null: nothing is there yet
  AppendEncoder* encoder;  // with the chain's centroid, once that is known
  bool centroid_known;
  char* codes;   // of the groups that a record brings
  char* vector;  // one that spans pages
};

// One call's view of the chain; `tail` is exclusively locked while rows are added.
struct Appender {
  Relation index;
  uint32_t chain_id;
  BlockNumber header_block;
  Metric metric;
  uint32_t dimensions;
  AppendLayout layout;
  Buffer tail;
  bool grown;           // by an entry page
  uint64_t rows;        // of the chain
  bool may_list_chain;  // where this one is contended
  Coding coding;
};

inline AppendEntriesHeader* tail_header(const Appender& a) {
  return payload_as<AppendEntriesHeader>(BufferGetPage(a.tail));
}

inline BlockNo* vector_blocks(const Appender& a, AppendEntriesHeader* page) {
  return reinterpret_cast<BlockNo*>(reinterpret_cast<char*>(page) + a.layout.blocks_offset);
}

inline BlockNo* code_blocks(const Appender& a, AppendEntriesHeader* page) {
  return reinterpret_cast<BlockNo*>(reinterpret_cast<char*>(page) + a.layout.code_blocks_offset);
}

// Locks a page that the tail leads to, checked; it must not be the tail itself, whose lock we hold.
Buffer lock_from_tail(const Appender& a, BlockNumber block, int mode, PageExpectation expected);

// Sees to it that the tail's extent has `pages` more, one after the other, and returns the first.
// They are taken when extent_used is raised.
BlockNumber reserve_pages(const Appender& a, uint32_t pages);

}  // namespace pg
}  // namespace vseg

#endif  // VSEG_POSTGRES_APPEND_APPEND_TAIL_H_
