// vseg_space_used(regclass): what the index's file consists of.
#include "postgres/boundary/postgres_headers.h"

extern "C" {
#include "access/htup_details.h"
#include "funcapi.h"
#include "utils/timestamp.h"
}

#include "postgres/functions/open_index.h"
#include "postgres/directory/displaced_queue.h"
#include "postgres/pages/extents.h"
#include "postgres/directory/metapage.h"

namespace vseg {
namespace pg {
namespace {

// Columns of the result, in their order.
enum Column {
  kBytes,
  kSegmentBytes,
  kFreeBytes,
  kWaitingBytes,
  kWaitingMembers,
  kWaitingSince,
  kColumns
};

Datum bytes_of(uint64_t pages) { return Int64GetDatum(static_cast<int64>(pages) * BLCKSZ); }

}  // namespace
}  // namespace pg
}  // namespace vseg

extern "C" {

PG_FUNCTION_INFO_V1(vseg_space_used);
PGDLLEXPORT Datum vseg_space_used(PG_FUNCTION_ARGS) {
  using namespace vseg::pg;
  TupleDesc description = nullptr;
  if (get_call_result_type(fcinfo, nullptr, &description) != TYPEFUNC_COMPOSITE) {
    elog(ERROR, "return type must be a row type");
  }
  Relation index = open_vseg_index(PG_GETARG_OID(0), AccessShareLock, Audience::kOwnerOrMonitor);
  vseg::Metapage metapage;
  read_metapage(index, &metapage);
  const BlockNumber blocks = RelationGetNumberOfBlocks(index);
  Datum values[kColumns];
  bool nulls[kColumns] = {};
  values[kBytes] = bytes_of(blocks);
  values[kSegmentBytes] = bytes_of(vseg::segment_pages(metapage));
  values[kFreeBytes] = bytes_of(uint64_t{count_free_extents(index, blocks / vseg::kExtentPages)} *
                                vseg::kExtentPages);
  values[kWaitingBytes] = bytes_of(metapage.displaced_pages);
  values[kWaitingMembers] = Int64GetDatum(metapage.displaced_members);
  uint32_t since = 0;
  nulls[kWaitingSince] = !oldest_displaced_at(index, &since);
  values[kWaitingSince] = TimestampTzGetDatum(time_t_to_timestamptz(static_cast<pg_time_t>(since)));
  relation_close(index, AccessShareLock);
  PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(description), values, nulls)));
}

}  // extern "C"
