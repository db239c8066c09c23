// Reads the rows of one directory member in order, for merging it into another.
#ifndef VSEG_ENGINE_COMPACTION_MEMBER_ROWS_H_
#define VSEG_ENGINE_COMPACTION_MEMBER_ROWS_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "engine/common/types.h"
#include "engine/format/metapage_format.h"
#include "engine/pages/page_source.h"

namespace vseg {

// Rows come in the order of their ordinals (segments) or of their arrival (flat runs), dead ones
// included: the n-th row is the same one in every reading, as long as no rows are added.
class MemberRows {
 public:
  virtual ~MemberRows() = default;

  // Moves to the first, then each next row; false behind the last.
  virtual bool next() = 0;

  // Of the current row. Whether VACUUM had marked it when this reader first looked at its page.
  virtual bool dead() = 0;
  virtual Tid tid() = 0;
  virtual const float* vector() = 0;  // exact; valid until the next call
  // Its neighbours in the member's graph, by number of row; false where there is no graph.
  virtual bool neighbors(std::vector<Ordinal>* neighbors) = 0;
  // How often in a row that graph was built on another; 0 where there is none.
  virtual uint32_t merges() const = 0;
};

// Throws CorruptIndexError, as the reader's functions do. `pages` must outlive the reader.
std::unique_ptr<MemberRows> read_member(PageSource& pages, const DirectoryEntry& entry,
                                        uint32_t dimensions);

}  // namespace vseg

#endif  // VSEG_ENGINE_COMPACTION_MEMBER_ROWS_H_
