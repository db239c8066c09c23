#include "engine/append/unranked_reader.h"

#include "engine/common/errors.h"

#include "engine/common/engine_only.h"

namespace vseg {

UnrankedReader::UnrankedReader(PageSource& pages, BlockNo first)
    : pages_(pages),
      next_(first),
      payload_(new std::byte[kPagePayload]),
      page_(reinterpret_cast<const UnrankedPage*>(payload_.get())) {}

bool UnrankedReader::next_page() {
  if (next_ == kNoBlock) {
    return false;
  }
  if (loop_.has_met(next_)) {
    throw CorruptIndexError(next_, "list of unranked rows runs in a loop");
  }
  pages_.copy(next_, {PageKind::kUnranked, 0}, payload_.get());
  if (!is_possible(page_->header)) {
    throw CorruptIndexError(next_, "page of unranked rows has an impossible header");
  }
  block_ = next_;
  next_ = page_->header.next;
  return true;
}

}  // namespace vseg
