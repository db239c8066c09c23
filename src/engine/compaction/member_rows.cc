#include "engine/compaction/member_rows.h"

#include "engine/common/errors.h"
#include "engine/append/append_reader.h"
#include "engine/segment/segment_reader.h"
#include "engine/segment/tombstones.h"

#include "engine/common/engine_only.h"

namespace vseg {
namespace {

class RunRows final : public MemberRows {
 public:
  RunRows(PageSource& pages, const DirectoryEntry& entry, uint32_t dimensions)
      : reader_(pages, entry, dimensions) {}

  bool next() override {
    row_++;
    while (row_ >= reader_.rows()) {
      if (!reader_.next_page()) {
        return false;
      }
      row_ = 0;
    }
    return true;
  }

  bool dead() override { return (reader_.entry(row_).flags & kEntryDead) != 0; }
  Tid tid() override { return reader_.entry(row_).tid; }
  const float* vector() override { return reader_.vector(row_); }
  bool neighbors(std::vector<Ordinal>* /*neighbors*/) override { return false; }
  uint32_t merges() const override { return 0; }

 private:
  AppendReader reader_;
  uint32_t row_ = 0;  // of the current entry page; before the first page there are none
};

class SegmentRows final : public MemberRows {
 public:
  SegmentRows(PageSource& pages, const DirectoryEntry& entry, uint32_t dimensions)
      : segment_(pages, entry, dimensions), tombstones_(pages, segment_, true) {}

  bool next() override { return ++row_ < segment_.rows(); }
  bool dead() override { return tombstones_.dead(row_); }
  Tid tid() override { return segment_.tid(row_); }
  const float* vector() override { return segment_.vector(row_); }
  bool neighbors(std::vector<Ordinal>* neighbors) override {
    segment_.neighbors(row_, neighbors);
    return true;
  }
  uint32_t merges() const override { return segment_.header().merges; }

 private:
  SegmentReader segment_;
  // Looked at whatever the directory says: a VACUUM that did not end has not told it.
  Tombstones tombstones_;
  Ordinal row_ = kNoOrdinal;  // wraps to 0
};

}  // namespace

std::unique_ptr<MemberRows> read_member(PageSource& pages, const DirectoryEntry& entry,
                                        uint32_t dimensions) {
  switch (entry.kind) {
    case MemberKind::kFlatRun:
      return std::make_unique<RunRows>(pages, entry, dimensions);
    case MemberKind::kGraphSegment:
      return std::make_unique<SegmentRows>(pages, entry, dimensions);
    case MemberKind::kAppendChain:
      break;  // rows may still be added to it
  }
  throw CorruptIndexError(kMetapageBlock, "a member that cannot be merged was to be merged");
}

}  // namespace vseg
