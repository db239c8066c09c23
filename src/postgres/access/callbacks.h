// The access method's callbacks; handler.cc lists them, one file each defines them.
#ifndef VSEG_POSTGRES_ACCESS_CALLBACKS_H_
#define VSEG_POSTGRES_ACCESS_CALLBACKS_H_

#include "postgres/boundary/postgres_headers.h"

extern "C" {
#include "nodes/pathnodes.h"

// build.cc
IndexBuildResult* vseg_build(Relation heap, Relation index, IndexInfo* info);
void vseg_buildempty(Relation index);
char* vseg_buildphasename(int64 phase);

// insert.cc
bool vseg_insert(Relation index, Datum* values, bool* isnull, ItemPointer tid, Relation heap,
                 IndexUniqueCheck unique, bool unchanged, IndexInfo* info);

// scan.cc
IndexScanDesc vseg_beginscan(Relation index, int keys, int orderbys);
void vseg_rescan(IndexScanDesc scan, ScanKey keys, int nkeys, ScanKey orderbys, int norderbys);
bool vseg_gettuple(IndexScanDesc scan, ScanDirection direction);
void vseg_endscan(IndexScanDesc scan);

// vacuum.cc
IndexBulkDeleteResult* vseg_bulkdelete(IndexVacuumInfo* info, IndexBulkDeleteResult* stats,
                                       IndexBulkDeleteCallback callback, void* state);
IndexBulkDeleteResult* vseg_vacuumcleanup(IndexVacuumInfo* info, IndexBulkDeleteResult* stats);

// cost.cc
void vseg_costestimate(PlannerInfo* root, IndexPath* path, double loop_count, Cost* startup,
                       Cost* total, Selectivity* selectivity, double* correlation, double* pages);

// validate.cc
bool vseg_validate(Oid opclass);
}

#endif  // VSEG_POSTGRES_ACCESS_CALLBACKS_H_
