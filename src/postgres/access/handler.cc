// CREATE ACCESS METHOD vseg ... HANDLER vseg_handler
#include "postgres/access/callbacks.h"

extern "C" {
#include "commands/vacuum.h"
}

#include "postgres/access/opclass.h"
#include "postgres/options/options.h"

extern "C" {

PG_FUNCTION_INFO_V1(vseg_handler);
PGDLLEXPORT Datum vseg_handler(PG_FUNCTION_ARGS) {
  (void)fcinfo;
  IndexAmRoutine* am = makeNode(IndexAmRoutine);

  am->amstrategies = 0;  // none fixed: the operators are distances, for ORDER BY only
  am->amsupport = vseg::pg::kSupportProc;
  am->amcanorderbyop = true;
  am->amoptionalkey = true;  // there are no search operators: every scan is without keys
  am->amparallelvacuumoptions = VACUUM_OPTION_PARALLEL_BULKDEL;
  am->amkeytype = InvalidOid;
  am->amusemaintenanceworkmem = false;

  am->ambuild = vseg_build;
  am->ambuildempty = vseg_buildempty;
  am->aminsert = vseg_insert;
  am->ambulkdelete = vseg_bulkdelete;
  am->amvacuumcleanup = vseg_vacuumcleanup;
  am->amcostestimate = vseg_costestimate;
  am->amoptions = vseg_options;
  am->ambuildphasename = vseg_buildphasename;
  am->amvalidate = vseg_validate;
  am->ambeginscan = vseg_beginscan;
  am->amrescan = vseg_rescan;
  am->amgettuple = vseg_gettuple;
  am->amendscan = vseg_endscan;

  PG_RETURN_POINTER(am);
}

}  // extern "C"
