// How many threads a job may have.
#ifndef VSEG_POSTGRES_OPTIONS_PROCESSORS_H_
#define VSEG_POSTGRES_OPTIONS_PROCESSORS_H_

#include <cstdint>

namespace vseg {
namespace pg {

// Processors that this process may run on; at least 1.
uint32_t processors();

// Threads of CREATE INDEX and vseg_compact: max_parallel_maintenance_workers + 1, but no more than
// the server's limits on parallel workers allow, which not every user may raise, and no more than
// there are processors.
uint32_t maintenance_threads();

}  // namespace pg
}  // namespace vseg

#endif  // VSEG_POSTGRES_OPTIONS_PROCESSORS_H_
