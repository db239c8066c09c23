// Waiting in a background job: for a while, and never so that it cannot be stopped.
#ifndef VSEG_POSTGRES_BOUNDARY_RETRY_H_
#define VSEG_POSTGRES_BOUNDARY_RETRY_H_

#include "postgres/boundary/progress_monitor.h"

extern "C" {
#include "pgstat.h"
#include "storage/latch.h"
#include "utils/wait_event.h"
}

namespace vseg {
namespace pg {

// Calls `attempt`, which may raise errors, every 20 ms until it returns true. Throws as watch()
// does.
template <typename Attempt>
void retry_until(ProgressMonitor& monitor, Attempt&& attempt) {
  constexpr long kMilliseconds = 20;
  while (!call_pg(attempt)) {
    watch(monitor, [&] {
      if (monitor.cancelled()) {
        throw CancelledError();
      }
    });
    call_pg([] {
      WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, kMilliseconds,
                PG_WAIT_EXTENSION);
      ResetLatch(MyLatch);
    });
  }
}

}  // namespace pg
}  // namespace vseg

#endif  // VSEG_POSTGRES_BOUNDARY_RETRY_H_
