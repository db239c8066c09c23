// Searches an append chain exactly: every live row is compared with the query.
#ifndef VSEG_ENGINE_SEARCH_APPEND_CURSOR_H_
#define VSEG_ENGINE_SEARCH_APPEND_CURSOR_H_

#include <vector>

#include "engine/format/append_format.h"
#include "engine/format/metapage.h"
#include "engine/pages/page_source.h"
#include "engine/search/cursor.h"

namespace vseg {

// The first batch reads the whole chain as it is then; rows appended later belong to transactions
// the scan's snapshot does not see. Batches have ef rows.
class AppendCursor : public Cursor {
 public:
  AppendCursor(PageSource& pages, const DirectoryEntry& entry, const Query& query, uint32_t ef);
  bool next_batch(float bound, std::vector<Candidate>* rows) override;
  Tid tid(Ordinal ordinal) override { return tids_[ordinal]; }

 private:
  void read_chain();

  PageSource& pages_;
  DirectoryEntry entry_;
  const Query& query_;
  uint32_t ef_;
  bool read_ = false;
  std::vector<Tid> tids_;        // of the live rows, which are numbered as they were read
  std::vector<Candidate> rows_;  // not yet delivered: heap, nearest first
};

}  // namespace vseg

#endif  // VSEG_ENGINE_SEARCH_APPEND_CURSOR_H_
