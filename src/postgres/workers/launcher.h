// An optional process that looks for sealing and merging that is due where nobody inserts or
// vacuums any more.
#ifndef VSEG_POSTGRES_WORKERS_LAUNCHER_H_
#define VSEG_POSTGRES_WORKERS_LAUNCHER_H_

namespace vseg {
namespace pg {

// Registers the launcher with the postmaster. REQUIRES: shared_preload_libraries is being read.
void register_launcher();

}  // namespace pg
}  // namespace vseg

#endif  // VSEG_POSTGRES_WORKERS_LAUNCHER_H_
