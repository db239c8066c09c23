// CALL vseg_compact(regclass): the whole index in as few graph segments as memory allows.
#include "postgres/boundary/postgres_headers.h"

extern "C" {
#include "access/xlog.h"
#include "catalog/index.h"
#include "commands/progress.h"
#include "executor/spi.h"
#include "nodes/parsenodes.h"
#include "pgstat.h"
#include "tcop/pquery.h"
#include "tcop/utility.h"
#include "utils/snapmgr.h"
}

#include "postgres/boundary/guard.h"
#include "postgres/merge/merge_job.h"
#include "postgres/functions/open_index.h"
#include "postgres/options/processors.h"
#include "postgres/directory/metapage.h"
#include "postgres/directory/reclaim.h"

namespace vseg {
namespace pg {
namespace {

// Whether the user's statement is this CALL, and not a DO block, procedure or function around it.
// Whatever runs inside these runs in their portal.
bool is_own_statement(FunctionCallInfo call) {
  if (ActivePortal == nullptr || list_length(ActivePortal->stmts) != 1) {
    return false;
  }
  const Node* statement = linitial_node(PlannedStmt, ActivePortal->stmts)->utilityStmt;
  return statement != nullptr && IsA(statement, CallStmt) &&
         reinterpret_cast<const CallStmt*>(statement)->funcexpr->funcid == call->flinfo->fn_oid;
}

// What is around the CALL would be committed with it, or else hold the snapshot that it is a
// procedure to be rid of.
void require_own_statement(FunctionCallInfo call) {
  if (!is_own_statement(call)) {
    ereport(ERROR,
            (errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
             errmsg("vseg_compact() cannot be executed from a function, procedure or DO block"),
             errhint("Use CALL vseg_compact() as a statement of its own.")));
  }
}

// Ends the transaction that holds the snapshot of the CALL, so that the long work holds back
// nobody's VACUUM. Within a transaction block, and where a client sends statements in a pipeline,
// which make one transaction, the snapshot stays, as that of any statement.
void release_snapshot(FunctionCallInfo call) {
  const Node* context = call->context;
  if (context == nullptr || !IsA(context, CallContext) ||
      reinterpret_cast<const CallContext*>(context)->atomic || IsSubTransaction() ||
      (MyXactFlags & XACT_FLAGS_PIPELINING) != 0) {
    return;
  }
  SPI_connect_ext(SPI_OPT_NONATOMIC);
  SPI_commit();
  SPI_finish();
}

Relation open_index_to_compact(Oid oid) {
  // With inserts, searches and VACUUM, and against whoever would take the index away.
  Relation index = open_vseg_index(oid, RowExclusiveLock, Audience::kOwner);
  if (!index->rd_index->indisvalid || !index->rd_index->indislive) {
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("index \"%s\" is not valid", RelationGetRelationName(index)),
                    errhint("REINDEX the index.")));
  }
  return index;
}

JobResources own_resources() {
  JobResources resources;
  resources.threads = maintenance_threads();
  resources.memory = static_cast<size_t>(maintenance_work_mem) * 1024;
  return resources;
}

// Space that became free since the last VACUUM, and what jobs before have written in vain.
void reclaim(MergeJob* job, Relation index) {
  for (bool more = true; more;) {
    job->lock(IndexLock::kPublish, true);
    more = call_pg([&] {
      const bool rest = reclaim_space(index);
      unlock_index(index, IndexLock::kPublish);
      return rest;
    });
  }
}

// Whether a segment with something to gain does not fit into memory.
bool is_too_large(const std::vector<PlannedMember>& members, uint64_t capacity) {
  for (const PlannedMember& member : members) {
    if (!member.run && member.live() > capacity && (member.dead_rows > 0 || members.size() > 1)) {
      return true;
    }
  }
  return false;
}

// Returns whether the memory was enough for all of it.
bool compact(Relation index) {
  ProgressMonitor monitor;
  MergeJob job(index, own_resources(), monitor);
  job.lock(IndexLock::kSeal, true);
  job.lock(IndexLock::kMerge, true);
  job.lock(IndexLock::kMergeSmall, true);
  reclaim(&job, index);
  job.freeze_tail();
  std::vector<PlannedMember> members = job.runs();
  const std::vector<PlannedMember> segments = job.segments();
  members.insert(members.end(), segments.begin(), segments.end());
  for (const MergeGroup& group : plan_compaction(members, job.capacity())) {
    job.merge(group);
  }
  call_pg([&] {
    unlock_index(index, IndexLock::kMergeSmall);
    unlock_index(index, IndexLock::kMerge);
    unlock_index(index, IndexLock::kSeal);
  });
  return !is_too_large(members, job.capacity());
}

// Shown in pg_stat_progress_create_index, whose phases are the same; its command is null.
void start_progress(Relation index) {
  pgstat_progress_start_command(PROGRESS_COMMAND_CREATE_INDEX, index->rd_index->indrelid);
  const int params[] = {PROGRESS_CREATEIDX_INDEX_OID, PROGRESS_CREATEIDX_ACCESS_METHOD_OID,
                        PROGRESS_CREATEIDX_PHASE, PROGRESS_CREATEIDX_SUBPHASE};
  const int64 values[] = {RelationGetRelid(index), index->rd_rel->relam,
                          PROGRESS_CREATEIDX_PHASE_BUILD, kPhaseInitializing};
  pgstat_progress_update_multi_param(lengthof(params), params, values);
}

}  // namespace
}  // namespace pg
}  // namespace vseg

extern "C" {

PG_FUNCTION_INFO_V1(vseg_compact);
PGDLLEXPORT Datum vseg_compact(PG_FUNCTION_ARGS) {
  using namespace vseg::pg;
  require_own_statement(fcinfo);
  PreventCommandDuringRecovery("vseg_compact()");
  PreventCommandIfReadOnly("vseg_compact()");
  release_snapshot(fcinfo);
  Relation index = open_index_to_compact(PG_GETARG_OID(0));
  start_progress(index);
  InvalidateCatalogSnapshot();
  const bool enough = run_cpp([&] { return compact(index); });
  pgstat_progress_end_command();
  if (!enough) {
    ereport(WARNING, (errmsg("maintenance_work_mem is too small to compact all segments of vseg "
                             "index \"%s\"",
                             RelationGetRelationName(index)),
                      errhint("Increase maintenance_work_mem and compact the index again.")));
  }
  relation_close(index, NoLock);
  PG_RETURN_VOID();
}

}  // extern "C"
