// PostgreSQL's headers, first in every file of this side.
#ifndef VSEG_POSTGRES_BOUNDARY_POSTGRES_HEADERS_H_
#define VSEG_POSTGRES_BOUNDARY_POSTGRES_HEADERS_H_

extern "C" {
#include "postgres.h"

#include "access/amapi.h"
#include "access/generic_xlog.h"
#include "access/relation.h"
#include "access/reloptions.h"
#include "access/xact.h"
#include "access/xloginsert.h"
#include "catalog/pg_control.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/rel.h"
}

#endif  // VSEG_POSTGRES_BOUNDARY_POSTGRES_HEADERS_H_
