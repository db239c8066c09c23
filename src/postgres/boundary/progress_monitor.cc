#include "postgres/boundary/progress_monitor.h"

extern "C" {
#include "pgstat.h"
}

namespace vseg {
namespace pg {

void report_phase(BuildPhase phase) {
  pgstat_progress_update_param(PROGRESS_CREATEIDX_SUBPHASE, phase);
}

void report_total_rows(uint64_t rows) {
  pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_TOTAL, static_cast<int64>(rows));
}

void ProgressMonitor::inserted(uint32_t rows) {
  pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_DONE,
                               static_cast<int64>(rows_before_ + rows));
}

void ProgressMonitor::completing() { report_phase(kPhaseCompleting); }

bool ProgressMonitor::cancelled() {
  // Not to be handled here: FATAL ends the process on the spot, and threads would go on amid
  // exit().
  dying_ = dying_ || (ProcDiePending && InterruptHoldoffCount == 0);
  if (!dying_ && !interrupted_ && !gave_way_) {
    try {
      gave_way_ = call_pg([&] {
        CHECK_FOR_INTERRUPTS();
        return gives_way();
      });
    } catch (const PgError&) {
      interrupted_ = true;  // resumed by watch() once the threads are gone
    }
  }
  return dying_ || interrupted_ || gave_way_;
}

void ProgressMonitor::resume_interrupt() {
  if (dying_) {
    call_pg([] { CHECK_FOR_INTERRUPTS(); });
  }
  if (interrupted_) {
    throw PgError();
  }
}

}  // namespace pg
}  // namespace vseg
