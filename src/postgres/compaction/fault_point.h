// Named places at which tests stop an append, seal or merge.
#ifndef VSEG_POSTGRES_COMPACTION_FAULT_POINT_H_
#define VSEG_POSTGRES_COMPACTION_FAULT_POINT_H_

#include "postgres/build/build_progress.h"

namespace vseg {
namespace pg {

// Where vseg.fault_point names this place: waits while somebody holds the advisory lock
// (1987274087, 0), so that a test decides when the work goes on, or ends it, and holds the advisory
// lock (1987274087, 1) meanwhile, so that a test sees in pg_locks that the place was reached.
// Throws as watch() does, when interrupted or when the monitor gives way.
void fault_point(const char* name, ProgressMonitor& monitor);

// The same in a function that PostgreSQL calls; raises errors.
void fault_point(const char* name);

}  // namespace pg
}  // namespace vseg

#endif  // VSEG_POSTGRES_COMPACTION_FAULT_POINT_H_
