// The rows that come after all that have a distance.
#ifndef VSEG_ENGINE_SEARCH_UNRANKED_ROWS_H_
#define VSEG_ENGINE_SEARCH_UNRANKED_ROWS_H_

#include <cstdint>
#include <optional>

#include "engine/append/unranked_reader.h"

namespace vseg {

// Kind by kind, in the order of kUnrankedKinds: as many walks through the pages. Reads nothing
// before the first row is asked for.
class UnrankedRows {
 public:
  // `first`: the first page; 0 where there is none.
  UnrankedRows(PageSource& pages, BlockNo first) : pages_(pages), first_(first) {}

  // The next row; false when there is none.
  bool next(Tid* tid);

 private:
  bool next_of_kind(Unranked kind, Tid* tid);

  PageSource& pages_;
  BlockNo first_;
  uint32_t kind_ = 0;  // index into kUnrankedKinds
  std::optional<UnrankedReader> reader_;
  uint32_t position_ = 0;  // in its page
};

}  // namespace vseg

#endif  // VSEG_ENGINE_SEARCH_UNRANKED_ROWS_H_
