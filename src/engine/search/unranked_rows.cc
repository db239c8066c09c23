#include "engine/search/unranked_rows.h"

#include <iterator>

#include "engine/common/errors.h"

#include "engine/common/engine_only.h"

namespace vseg {

bool UnrankedRows::next(Tid* tid) {
  for (; first_ != 0 && kind_ < std::size(kUnrankedKinds); kind_++) {
    if (next_of_kind(kUnrankedKinds[kind_], tid)) {
      return true;
    }
    reader_.reset();
  }
  return false;
}

bool UnrankedRows::next_of_kind(Unranked kind, Tid* tid) {
  if (!reader_) {
    reader_.emplace(pages_, first_);
    if (!reader_->next_page()) {
      return false;
    }
    position_ = 0;
  }
  for (;;) {
    while (position_ < reader_->count()) {
      const UnrankedEntry& entry = reader_->entry(position_++);
      if (entry.tid.offset == 0) {
        throw CorruptIndexError(reader_->block(), "unranked row has an invalid heap address");
      }
      if (entry.kind == kind) {
        *tid = entry.tid;
        return true;
      }
    }
    if (!reader_->next_page()) {
      return false;
    }
    position_ = 0;
  }
}

}  // namespace vseg
