// vseg_segments(regclass): what the index consists of.
#include "postgres/boundary/postgres_headers.h"

extern "C" {
#include "funcapi.h"
#include "utils/builtins.h"
}

#include "engine/append/append_reader.h"
#include "engine/append/unranked_reader.h"
#include "postgres/boundary/guard.h"
#include "postgres/functions/open_index.h"
#include "postgres/options/options.h"
#include "postgres/directory/metapage.h"
#include "postgres/pages/pages.h"

namespace vseg {
namespace pg {
namespace {

constexpr int kColumns = 8;

struct SegmentRow {
  DirectoryEntry entry;
  const char* kind;
  const char* state;
  int32 tier;
};

const char* kind_name(MemberKind kind) {
  switch (kind) {
    case MemberKind::kAppendChain:
      return "append chain";
    case MemberKind::kFlatRun:
      return "flat run";
    case MemberKind::kGraphSegment:
      return "graph segment";
  }
  return "unknown";
}

// A flat run is open as long as its last page is: its load may go on, or inserters who have not
// noticed that their chain was frozen.
const char* state_name(MemberKind kind, bool claimed, bool open) {
  switch (kind) {
    case MemberKind::kAppendChain:
      return "open";
    case MemberKind::kFlatRun:
      return claimed ? "sealing" : open ? "open" : "frozen";
    case MemberKind::kGraphSegment:
      return claimed ? "merging" : "sealed";
  }
  return "unknown";
}

// What the directory leaves out of an append chain or flat run is counted on its pages. Returns
// whether it takes rows.
bool complete_chain(Relation index, uint32_t dimensions, DirectoryEntry* entry) {
  return run_cpp([&] {
    BufferPages pages(index);
    const AppendSummary chain = summarize_append_chain(pages, *entry, dimensions);
    pages.release();
    entry->rows = chain.rows;
    entry->dead_rows = chain.dead_rows;
    entry->pages = chain.pages;
    return chain.open;
  });
}

void put_row(ReturnSetInfo* result, const SegmentRow& row) {
  Datum values[kColumns];
  bool nulls[kColumns] = {};
  values[0] = Int32GetDatum(static_cast<int32>(row.entry.id));
  values[1] = CStringGetTextDatum(row.kind);
  values[2] = CStringGetTextDatum(row.state);
  values[3] = Int32GetDatum(row.tier);
  values[4] = Int64GetDatum(static_cast<int64>(row.entry.rows));
  values[5] = Int64GetDatum(static_cast<int64>(row.entry.dead_rows));
  values[6] = Int64GetDatum(static_cast<int64>(row.entry.pages) * BLCKSZ);
  values[7] = Int64GetDatum(static_cast<int64>(row.entry.pages));
  tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

// Where there are any.
void put_unranked(Relation index, BlockNumber first, ReturnSetInfo* result) {
  SegmentRow row = {DirectoryEntry{}, "unranked rows", "open", 0};
  run_cpp([&] {
    BufferPages pages(index);
    UnrankedReader reader(pages, first);
    while (reader.next_page()) {
      row.entry.rows += reader.count();
      row.entry.pages++;
    }
    pages.release();
  });
  if (row.entry.rows > 0) {
    put_row(result, row);
  }
}

}  // namespace
}  // namespace pg
}  // namespace vseg

extern "C" {

PG_FUNCTION_INFO_V1(vseg_segments);
PGDLLEXPORT Datum vseg_segments(PG_FUNCTION_ARGS) {
  using namespace vseg::pg;
  InitMaterializedSRF(fcinfo, 0);
  Relation index = open_vseg_index(PG_GETARG_OID(0), AccessShareLock, Audience::kOwnerOrMonitor);
  vseg::Metapage metapage;
  read_metapage(index, &metapage);
  for (uint32_t i = 0; i < metapage.directory_count; i++) {
    const vseg::MemberKind kind = metapage.directory[i].kind;
    SegmentRow row = {metapage.directory[i], kind_name(kind), nullptr, 0};
    const bool open = kind != vseg::MemberKind::kGraphSegment &&
                      complete_chain(index, metapage.dimensions, &row.entry);
    row.state = state_name(kind, is_member_claimed(index, row.entry.id), open);
    row.tier = static_cast<int32>(
        vseg::size_tier(row.entry.rows - row.entry.dead_rows, merge_policy(index, 0)));
    put_row(reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo), row);
  }
  put_unranked(index, metapage.unranked, reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo));
  relation_close(index, AccessShareLock);
  return static_cast<Datum>(0);
}

}  // extern "C"
