// Walks the pages of unranked rows; shared by scans, VACUUM and what counts them.
#ifndef VSEG_ENGINE_APPEND_UNRANKED_READER_H_
#define VSEG_ENGINE_APPEND_UNRANKED_READER_H_

#include <cstdint>
#include <memory>

#include "engine/format/unranked_format.h"
#include "engine/pages/page_source.h"
#include "engine/append/loop_watch.h"

namespace vseg {

class UnrankedReader {
 public:
  UnrankedReader(PageSource& pages, BlockNo first);

  // Copies the first, then each next page; false after the last. Throws CorruptIndexError.
  bool next_page();

  BlockNo block() const { return block_; }  // of the page copied last
  uint32_t count() const { return page_->header.count; }
  const UnrankedEntry& entry(uint32_t i) const { return page_->entries[i]; }

  // Where pages are taken from next; of the first page.
  uint32_t next_extent() const { return page_->header.extent; }

 private:
  PageSource& pages_;
  BlockNo next_;
  BlockNo block_ = kNoBlock;
  LoopWatch loop_;
  std::unique_ptr<std::byte[]> payload_;
  const UnrankedPage* page_;
};

}  // namespace vseg

#endif  // VSEG_ENGINE_APPEND_UNRANKED_READER_H_
