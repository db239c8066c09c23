// What a long build tells PostgreSQL, and how PostgreSQL stops it.
#ifndef VSEG_POSTGRES_BOUNDARY_PROGRESS_MONITOR_H_
#define VSEG_POSTGRES_BOUNDARY_PROGRESS_MONITOR_H_

#include "postgres/boundary/guard.h"

extern "C" {
#include "commands/progress.h"
}

#include "engine/common/errors.h"
#include "engine/common/build_monitor.h"

namespace vseg {
namespace pg {

// Phases in pg_stat_progress_create_index, as ambuildphasename names them.
enum BuildPhase : int64 {
  kPhaseInitializing = PROGRESS_CREATEIDX_SUBPHASE_INITIALIZE,
  kPhaseLoading,
  kPhaseGraph,
  kPhaseCompleting,
  kPhaseWriting,
};

void report_phase(BuildPhase phase);
void report_total_rows(uint64_t rows);

// Reports progress and lets PostgreSQL interrupt a build. A subclass may give way to others.
class ProgressMonitor : public BuildMonitor {
 public:
  // The rows of the segments built so far, on top of which the next one's are counted.
  void set_rows_before(uint64_t rows) { rows_before_ = rows; }

  void inserted(uint32_t rows) override;
  void completing() override;
  bool cancelled() override;

  // Whether cancelled() met an error of PostgreSQL, or the end of the process: then
  // resume_interrupt() does not return. It is called when no thread is at work.
  bool interrupted() const { return interrupted_ || dying_; }
  void resume_interrupt();

 protected:
  // Whether to stop though nobody interrupts; called within call_pg.
  virtual bool gives_way() { return false; }

 private:
  uint64_t rows_before_ = 0;
  bool interrupted_ = false;
  bool dying_ = false;  // pg_terminate_backend, shutdown
  bool gave_way_ = false;
};

// Runs engine work that asks the monitor whether to go on. An interrupt has left its error with
// PostgreSQL, or will end the process; it is resumed once the work's threads are gone. Throws
// CancelledError if the monitor gave way.
template <typename Work>
void watch(ProgressMonitor& monitor, Work&& work) {
  try {
    work();
  } catch (const CancelledError&) {
    if (!monitor.interrupted()) {
      throw;
    }
  }
  monitor.resume_interrupt();
}

}  // namespace pg
}  // namespace vseg

#endif  // VSEG_POSTGRES_BOUNDARY_PROGRESS_MONITOR_H_
