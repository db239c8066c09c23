// Walks the pages of an append chain; shared by scan, VACUUM's statistics and vseg_segments.
#ifndef VSEG_ENGINE_SEGMENT_APPEND_READER_H_
#define VSEG_ENGINE_SEGMENT_APPEND_READER_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/format/append_format.h"
#include "engine/format/metapage.h"
#include "engine/pages/page_source.h"

namespace vseg {

// One entry page's image, copied under its lock and checked against the layout.
class AppendReader {
 public:
  AppendReader(PageSource& pages, const DirectoryEntry& entry, uint32_t dimensions);

  // Moves to the first, then each next entry page; false after the tail.
  bool next_page();

  // Of the current entry page.
  BlockNo block() const { return block_; }
  uint32_t rows() const { return header_.rows; }
  uint32_t vector_pages() const { return header_.vector_pages; }
  const AppendEntry& entry(uint32_t row) const;  // REQUIRES: row < rows()

  // Vector of a row of the current entry page; valid until the next call. Rows are best read in
  // ascending order: the vector page read last is kept. REQUIRES: row < rows().
  const float* vector(uint32_t row);

 private:
  void watch_for_loop();
  void check_header() const;
  BlockNo vector_block(uint32_t index) const;
  void read_vectors(uint32_t index);

  PageSource& pages_;
  uint32_t id_;
  AppendLayout layout_;
  AppendEntriesHeader header_{};   // of the current entry page
  BlockNo block_ = kNoBlock;       // the current entry page
  BlockNo next_ = kNoBlock;        // the entry page after it
  BlockNo remembered_ = kNoBlock;  // an earlier one, to notice a loop
  uint64_t pages_read_ = 0;
  std::vector<std::byte> page_;       // current entry page
  std::vector<std::byte> vectors_;    // a vector page, or one vector that spans pages
  BlockNo vectors_block_ = kNoBlock;  // first block in `vectors_`
};

struct AppendSummary {
  uint64_t rows;
  uint64_t dead_rows;
  uint64_t pages;  // header, entry and vector pages
};

AppendSummary summarize_append_chain(PageSource& pages, const DirectoryEntry& entry,
                                     uint32_t dimensions);

}  // namespace vseg

#endif  // VSEG_ENGINE_SEGMENT_APPEND_READER_H_
