// Walks the pages of an append chain; shared by scan, VACUUM's statistics and vseg_segments.
#ifndef VSEG_ENGINE_APPEND_APPEND_READER_H_
#define VSEG_ENGINE_APPEND_APPEND_READER_H_

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "engine/format/append_format.h"
#include "engine/format/metapage_format.h"
#include "engine/pages/page_source.h"
#include "engine/append/loop_watch.h"

namespace vseg {

// The image of an entry page, copied under its lock and checked against the layout: the rows it
// counts are complete, and the groups it counts have codes, whatever was added since.
class EntryPage {
 public:
  // Reads the page into the image. Throws CorruptIndexError.
  void read(PageSource& pages, PageExpectation expected, BlockNo block, const AppendLayout& layout);

  BlockNo block() const { return block_; }
  BlockNo next() const { return header_.next; }
  uint32_t rows() const { return header_.rows; }
  uint64_t rows_before() const { return header_.rows_before; }  // in the chain's earlier pages
  bool open() const { return (header_.flags & kEntryPageOpen) != 0; }
  uint16_t appended_at() const { return header_.appended_at; }  // append_clock() of the last rows
  uint32_t vector_pages() const { return header_.vector_pages; }
  uint32_t coded_groups() const { return header_.coded_groups; }
  uint32_t coded_rows() const { return coded_groups() * kAppendGroupRows; }
  BlockNo centroid() const { return header_.centroid; }
  uint32_t extent() const { return header_.extent; }  // where the chain's next page is taken from
  const AppendEntry& entry(uint32_t row) const;       // REQUIRES: row < rows()

  // The `index`-th of the block numbers at `offset`. Throws where it cannot be one.
  BlockNo block_number(uint32_t offset, uint32_t index) const;

 private:
  AppendEntriesHeader header_{};
  BlockNo block_ = kNoBlock;
  uint32_t entries_offset_ = 0;
  std::vector<std::byte> payload_;
};

// Walks an append chain, and reads what its entry pages lead to.
class AppendReader {
 public:
  AppendReader(PageSource& pages, const DirectoryEntry& entry, uint32_t dimensions);

  const AppendLayout& layout() const { return layout_; }

  // Moves to the first, then each next entry page; false after the tail.
  bool next_page();

  // The current entry page; take_page() leaves none.
  const EntryPage& page() const { return page_; }
  EntryPage take_page() { return std::move(page_); }
  BlockNo block() const { return page_.block(); }
  uint32_t rows() const { return page_.rows(); }
  uint32_t vector_pages() const { return page_.vector_pages(); }
  const AppendEntry& entry(uint32_t row) const { return page_.entry(row); }
  const float* vector(uint32_t row) { return vector(page_, row); }

  // Blocks that the current entry page leads to: of vectors, codes, the centroid.
  std::vector<BlockNo> leads_to() const;

  // Extents the chain takes pages from: its header's, and the current entry page's.
  uint32_t first_extent() const { return first_extent_; }
  uint32_t next_extent() const { return page_.extent(); }

  // Vector of a row of an entry page of this chain, and codes of a group; each valid until the next
  // call, or the next page is read.
  // REQUIRES: row < page.rows(), group < page.coded_groups().
  const float* vector(const EntryPage& page, uint32_t row);
  const std::byte* codes(const EntryPage& page, uint32_t group);

  // Hints that they will be read soon.
  void prefetch_vector(const EntryPage& page, uint32_t row);
  void prefetch_codes(const EntryPage& page, uint32_t group);

  // What the codes are relative to. REQUIRES: page.coded_groups() > 0.
  std::vector<float> centroid(const EntryPage& page);

 private:
  // Items of one size in pages that an entry page lists: vectors, or groups' codes.
  struct Items {
    PageKind kind;
    uint32_t bytes;
    uint32_t per_page;       // 0 where an item takes
    uint32_t pages_each;     // this many
    uint32_t blocks_offset;  // of the block numbers in the entry page

    uint32_t first_page(uint32_t item) const {
      return per_page != 0 ? item / per_page : item * pages_each;
    }
    uint32_t offset(uint32_t item) const { return per_page != 0 ? item % per_page * bytes : 0; }
  };

  const std::byte* read(const EntryPage& page, const Items& items, uint32_t item, uint32_t counted);
  void prefetch(const EntryPage& page, const Items& items, uint32_t item);

  PageSource& pages_;
  uint32_t id_;
  AppendLayout layout_;
  Items vectors_;
  Items codes_;
  EntryPage page_;
  uint32_t first_extent_ = 0;
  BlockNo next_ = kNoBlock;  // the entry page after the current one
  LoopWatch loop_;
  uint64_t rows_read_ = 0;
  BlockNo copied_first_ = kNoBlock;  // of the pages in copied_
  std::vector<std::byte> copied_;
};

struct AppendSummary {
  uint64_t rows;
  uint64_t dead_rows;
  uint64_t pages;  // all that belong to the chain
  bool open;       // rows may still be added, or made: the tail is open, or there is none
};

// Reads every entry page.
AppendSummary summarize_append_chain(PageSource& pages, const DirectoryEntry& entry,
                                     uint32_t dimensions);

// The chain's rows, at `clock` (append_clock()). Reads its header and its tail, or the few pages
// from the header's hint to the tail.
UnsealedRows count_chain_rows(PageSource& pages, const DirectoryEntry& entry, uint32_t dimensions,
                              uint16_t clock);

}  // namespace vseg

#endif  // VSEG_ENGINE_APPEND_APPEND_READER_H_
