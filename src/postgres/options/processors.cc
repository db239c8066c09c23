#include "postgres/options/processors.h"

#include <algorithm>

#include <sched.h>
#include <unistd.h>

#include "postgres/boundary/postgres_headers.h"

extern "C" {
#include "miscadmin.h"
}

namespace vseg {
namespace pg {

uint32_t processors() {
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof(allowed), &allowed) == 0) {
    return static_cast<uint32_t>(std::max(CPU_COUNT(&allowed), 1));
  }
  // More of them than the set has room for.
  return static_cast<uint32_t>(std::max(sysconf(_SC_NPROCESSORS_ONLN), 1L));
}

uint32_t maintenance_threads() {
  const int workers =
      std::min({max_parallel_maintenance_workers, max_parallel_workers, max_worker_processes});
  return std::min(static_cast<uint32_t>(workers) + 1, processors());
}

}  // namespace pg
}  // namespace vseg
