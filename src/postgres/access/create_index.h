// The pages that every index begins with.
#ifndef VSEG_POSTGRES_ACCESS_CREATE_INDEX_H_
#define VSEG_POSTGRES_ACCESS_CREATE_INDEX_H_

#include "postgres/boundary/postgres_headers.h"

#include "engine/common/types.h"

namespace vseg {
namespace pg {

// What CREATE INDEX fixes for the index's life.
struct IndexIdentity {
  uint32_t dimensions;
  Metric metric;
  uint16_t m;
  uint16_t ef_construction;
};

// Writes metapage, allocation map, statistics, a page for unranked rows and an empty append chain
// into an empty fork, WAL-logged (the init fork of an unlogged index too). The directory lists the
// chain.
void create_empty_index(Relation index, ForkNumber fork, const IndexIdentity& identity);

}  // namespace pg
}  // namespace vseg

#endif  // VSEG_POSTGRES_ACCESS_CREATE_INDEX_H_
