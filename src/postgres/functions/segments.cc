// vseg_segments(regclass): what the index consists of.
#include "postgres/boundary/postgres_headers.h"

extern "C" {
#include "catalog/pg_authid_d.h"
#include "commands/defrem.h"
#include "funcapi.h"
#include "utils/acl.h"
#include "utils/builtins.h"
}

#include "engine/segment/append_reader.h"
#include "postgres/boundary/guard.h"
#include "postgres/storage/metapage.h"
#include "postgres/storage/pages.h"

namespace vseg {
namespace pg {
namespace {

constexpr int kColumns = 8;

Relation open_vseg_index(Oid oid) {
  Relation index = relation_open(oid, AccessShareLock);
  if (index->rd_rel->relkind != RELKIND_INDEX ||
      index->rd_rel->relam != get_index_am_oid("vseg", false)) {
    ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
                    errmsg("\"%s\" is not a vseg index", RelationGetRelationName(index))));
  }
  if (!pg_class_ownercheck(oid, GetUserId()) && !has_privs_of_role(GetUserId(), ROLE_PG_MONITOR)) {
    ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                    errmsg("permission denied for index %s", RelationGetRelationName(index)),
                    errhint("The owner of the index and members of pg_monitor may look at it.")));
  }
  if (RELATION_IS_OTHER_TEMP(index)) {
    ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                    errmsg("cannot access temporary indexes of other sessions")));
  }
  return index;
}

struct SegmentRow {
  DirectoryEntry entry;
  const char* kind;
  const char* state;
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

// What the directory leaves out of an append chain is counted on its pages.
void complete_chain(Relation index, uint32_t dimensions, DirectoryEntry* entry) {
  run_cpp([&] {
    BufferPages pages(index);
    const AppendSummary chain = summarize_append_chain(pages, *entry, dimensions);
    pages.release();
    entry->rows = chain.rows;
    entry->dead_rows = chain.dead_rows;
    entry->pages = chain.pages;
  });
}

void put_row(ReturnSetInfo* result, const SegmentRow& row) {
  Datum values[kColumns];
  bool nulls[kColumns] = {};
  values[0] = Int32GetDatum(static_cast<int32>(row.entry.id));
  values[1] = CStringGetTextDatum(row.kind);
  values[2] = CStringGetTextDatum(row.state);
  values[3] = Int32GetDatum(row.entry.tier);
  values[4] = Int64GetDatum(static_cast<int64>(row.entry.rows));
  values[5] = Int64GetDatum(static_cast<int64>(row.entry.dead_rows));
  values[6] = Int64GetDatum(static_cast<int64>(row.entry.pages) * BLCKSZ);
  values[7] = Int64GetDatum(static_cast<int64>(row.entry.pages));
  tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

}  // namespace
}  // namespace pg
}  // namespace vseg

extern "C" {

PG_FUNCTION_INFO_V1(vseg_segments);
PGDLLEXPORT Datum vseg_segments(PG_FUNCTION_ARGS) {
  using namespace vseg::pg;
  InitMaterializedSRF(fcinfo, 0);
  Relation index = open_vseg_index(PG_GETARG_OID(0));
  vseg::Metapage metapage;
  read_metapage(index, &metapage);
  for (uint32_t i = 0; i < metapage.directory_count; i++) {
    SegmentRow row = {metapage.directory[i], kind_name(metapage.directory[i].kind), "sealed"};
    if (row.entry.kind == vseg::MemberKind::kAppendChain) {
      row.state = "open";
      complete_chain(index, metapage.dimensions, &row.entry);
    }
    put_row(reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo), row);
  }
  relation_close(index, AccessShareLock);
  return static_cast<Datum>(0);
}

}  // extern "C"
