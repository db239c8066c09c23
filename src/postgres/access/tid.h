// Heap addresses in the engine's words and PostgreSQL's: the same six bytes.
#ifndef VSEG_POSTGRES_ACCESS_TID_H_
#define VSEG_POSTGRES_ACCESS_TID_H_

#include "postgres/boundary/postgres_headers.h"

#include <cstring>

#include "engine/common/types.h"

namespace vseg {
namespace pg {

static_assert(sizeof(Tid) == sizeof(ItemPointerData));

inline Tid to_tid(const ItemPointerData* pointer) {
  Tid tid;
  memcpy(&tid, pointer, sizeof(tid));
  return tid;
}

inline void from_tid(const Tid& tid, ItemPointerData* pointer) {
  memcpy(static_cast<void*>(pointer), &tid, sizeof(tid));
}

}  // namespace pg
}  // namespace vseg

#endif  // VSEG_POSTGRES_ACCESS_TID_H_
