// The launcher belongs to no database. Every vseg.launcher_naptime it has a scout look into each
// database, one after the other: a short-lived worker that starts the workers its vseg indexes
// need. All of them are dispensable: inserts, VACUUM and searches start workers too.
#include "postgres/workers/launcher.h"

#include "postgres/boundary/postgres_headers.h"

extern "C" {
#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "catalog/pg_database.h"
#include "commands/defrem.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/latch.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/wait_event.h"
}

#include "postgres/workers/background_process.h"
#include "postgres/workers/worker_start.h"
#include "postgres/options/options.h"

namespace vseg {
namespace pg {
namespace {

// Seconds after which the postmaster starts a launcher that failed again.
constexpr int kRestartSeconds = 60;

// In a transaction; the list outlives it in `memory`.
template <typename Visit>
List* collect(MemoryContext memory, Visit visit) {
  StartTransactionCommand();
  MemoryContextSwitchTo(memory);
  List* oids = visit();
  CommitTransactionCommand();
  MemoryContextSwitchTo(memory);
  return oids;
}

// Databases that may be connected to; templates are nobody's.
List* databases() {
  List* oids = NIL;
  Relation catalog = table_open(DatabaseRelationId, AccessShareLock);
  PushActiveSnapshot(GetTransactionSnapshot());
  TableScanDesc scan = table_beginscan(catalog, GetActiveSnapshot(), 0, nullptr);
  for (HeapTuple tuple = heap_getnext(scan, ForwardScanDirection); HeapTupleIsValid(tuple);
       tuple = heap_getnext(scan, ForwardScanDirection)) {
    const auto* database = reinterpret_cast<Form_pg_database>(GETSTRUCT(tuple));
    if (database->datallowconn && !database->datistemplate) {
      oids = lappend_oid(oids, database->oid);
    }
  }
  table_endscan(scan);
  PopActiveSnapshot();
  table_close(catalog, AccessShareLock);
  return oids;
}

// The vseg indexes of this database; none where the extension is not there.
List* vseg_indexes() {
  const Oid access_method = get_index_am_oid("vseg", true);
  if (!OidIsValid(access_method)) {
    return NIL;
  }
  List* oids = NIL;
  ScanKeyData key;
  ScanKeyInit(&key, Anum_pg_class_relam, BTEqualStrategyNumber, F_OIDEQ,
              ObjectIdGetDatum(access_method));
  Relation catalog = table_open(RelationRelationId, AccessShareLock);
  SysScanDesc scan = systable_beginscan(catalog, InvalidOid, false, nullptr, 1, &key);
  for (HeapTuple tuple = systable_getnext(scan); HeapTupleIsValid(tuple);
       tuple = systable_getnext(scan)) {
    const auto* relation = reinterpret_cast<Form_pg_class>(GETSTRUCT(tuple));
    if (relation->relkind == RELKIND_INDEX) {
      oids = lappend_oid(oids, relation->oid);
    }
  }
  systable_endscan(scan);
  table_close(catalog, AccessShareLock);
  return oids;
}

// Has a scout look into the database and waits until it is gone, so that the launcher takes one
// slot of max_worker_processes at a time. Without a free one the database is left out this time.
void scout(Oid database) {
  BackgroundWorker worker = background_process("vseg_scout_main", "vseg scout");
  worker.bgw_main_arg = ObjectIdGetDatum(database);
  worker.bgw_notify_pid = MyProcPid;
  BackgroundWorkerHandle* handle = nullptr;
  if (RegisterDynamicBackgroundWorker(&worker, &handle)) {
    WaitForBackgroundWorkerShutdown(handle);
    pfree(handle);
  }
}

void nap() {
  WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, launcher_naptime() * 1000L,
            PG_WAIT_EXTENSION);
  ResetLatch(MyLatch);
  CHECK_FOR_INTERRUPTS();
  reload_configuration();
}

// A damaged index is logged, and does not keep the others from being looked at.
void maintain_or_report(Oid index) {
  MemoryContext memory = CurrentMemoryContext;
  PG_TRY();
  { maintain_index(index); }
  PG_CATCH();
  {
    HOLD_INTERRUPTS();
    MemoryContextSwitchTo(memory);
    EmitErrorReport();
    FlushErrorState();
    AbortCurrentTransaction();
    RESUME_INTERRUPTS();
  }
  PG_END_TRY();
}

}  // namespace

void register_launcher() {
  BackgroundWorker worker = background_process("vseg_launcher_main", "vseg launcher");
  worker.bgw_restart_time = kRestartSeconds;
  RegisterBackgroundWorker(&worker);
}

}  // namespace pg
}  // namespace vseg

extern "C" {

PGDLLEXPORT void vseg_launcher_main(Datum argument);
PGDLLEXPORT void vseg_scout_main(Datum database);

void vseg_launcher_main(Datum /*argument*/) {
  using namespace vseg::pg;
  set_up_signals();
  BackgroundWorkerInitializeConnection(nullptr, nullptr, 0);
  MemoryContext memory =
      AllocSetContextCreate(TopMemoryContext, "vseg launcher", ALLOCSET_SMALL_SIZES);
  for (;;) {
    nap();
    List* oids = collect(memory, databases);
    ListCell* cell = nullptr;
    foreach (cell, oids) {
      scout(lfirst_oid(cell));
    }
    MemoryContextReset(memory);
  }
}

void vseg_scout_main(Datum database) {
  using namespace vseg::pg;
  set_up_signals();
  BackgroundWorkerInitializeConnectionByOid(DatumGetObjectId(database), InvalidOid, 0);
  MemoryContext memory =
      AllocSetContextCreate(TopMemoryContext, "vseg scout", ALLOCSET_SMALL_SIZES);
  List* oids = collect(memory, vseg_indexes);
  ListCell* cell = nullptr;
  foreach (cell, oids) {
    reload_configuration();
    maintain_or_report(lfirst_oid(cell));
  }
}

}  // extern "C"
