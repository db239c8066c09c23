// See src/postgres/README.md for the protocol.
#include "postgres/append/chain_choice.h"

#include <algorithm>

#include "postgres/boundary/fault_point.h"
#include "postgres/directory/directory.h"
#include "postgres/directory/metapage.h"

namespace vseg {
namespace pg {
namespace {

void use_chain(Appender* a, const ChainRef& chain) {
  a->chain_id = chain.id;
  a->header_block = chain.header_block;
  a->coding.centroid_known = false;  // each chain has its own
}

// How often this backend finds an index's tails locked by others: up by 3 for one that is, down by
// 1 for one that is free. So it grows where more than every fourth is locked; searches and VACUUM,
// which hold a tail for the moment of a copy, do not bring it up to kContended.
struct Contention {
  Oid index;
  int level;
};
constexpr int kContended = 24;

// Of a few indexes, each at the place its OID gives it: a table's are used in turns.
Contention contentions[8] = {};

int& contention(Relation index) {
  const Oid oid = RelationGetRelid(index);
  Contention& place = contentions[oid % lengthof(contentions)];
  if (place.index != oid) {
    place = {oid, 0};
  }
  return place.level;
}

}  // namespace

void turn_to_append_chain(Appender* a) {
  Metapage metapage;
  read_metapage(a->index, &metapage);
  const ChainRef chain = own_append_chain(a->index, metapage);
  if (chain.id == a->chain_id) {
    raise_corrupt(a->index, a->header_block, "append chain in use is frozen");
  }
  use_chain(a, chain);
}

void note_tail_lock(Relation index, bool waited) {
  int& level = contention(index);
  level = waited ? level + 3 : std::max(level - 1, 0);
  if (is_fault_point("tail-contended")) {
    level = kContended;
  }
}

void leave_contended_chain(Appender* a) {
  int& level = contention(a->index);
  if (level < kContended) {
    return;
  }
  level = 0;
  if (!a->may_list_chain || !try_lock_index(a->index, IndexLock::kPublish)) {
    return;
  }
  ChainRef chain;
  if (list_append_chain(a->index, &chain)) {
    use_chain(a, chain);
  } else {
    a->may_list_chain = false;
  }
  unlock_index(a->index, IndexLock::kPublish);
}

}  // namespace pg
}  // namespace vseg
