// Makes the extension depend on pgvector where its script found pgvector: pg_dump then restores
// vector before vseg, and DROP EXTENSION vector needs CASCADE.
extern "C" {
#include "postgres.h"
#include "catalog/dependency.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_extension.h"
#include "commands/extension.h"
#include "fmgr.h"

PGDLLEXPORT Datum vseg_depend_on_pgvector(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(vseg_depend_on_pgvector);
}

// Only for extension scripts, which create the function, call it and drop it. Upgrade scripts must
// do so again: ALTER EXTENSION UPDATE forgets dependencies that are not in the control file.
extern "C" PGDLLEXPORT Datum vseg_depend_on_pgvector(FunctionCallInfo) {
  if (!creating_extension) {
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("vseg_depend_on_pgvector() can only be called by an extension script")));
  }
  ObjectAddress self, pgvector;
  ObjectAddressSet(self, ExtensionRelationId, CurrentExtensionObject);
  ObjectAddressSet(pgvector, ExtensionRelationId, get_extension_oid("vector", false));
  recordDependencyOn(&self, &pgvector, DEPENDENCY_NORMAL);
  PG_RETURN_VOID();
}
