#include "postgres/workers/background_process.h"

#include <cstring>

extern "C" {
#include "libpq/pqsignal.h"
#include "postmaster/interrupt.h"
#include "tcop/tcopprot.h"
}

namespace vseg {
namespace pg {

BackgroundWorker background_process(const char* function, const char* type) {
  BackgroundWorker process;
  memset(&process, 0, sizeof(process));
  process.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
  process.bgw_start_time = BgWorkerStart_RecoveryFinished;
  process.bgw_restart_time = BGW_NEVER_RESTART;
  strlcpy(process.bgw_library_name, "vseg", BGW_MAXLEN);
  strlcpy(process.bgw_function_name, function, BGW_MAXLEN);
  strlcpy(process.bgw_name, type, BGW_MAXLEN);
  strlcpy(process.bgw_type, type, BGW_MAXLEN);
  return process;
}

void set_up_signals() {
  pqsignal(SIGHUP, SignalHandlerForConfigReload);
  pqsignal(SIGTERM, die);
  BackgroundWorkerUnblockSignals();
}

void reload_configuration() {
  if (ConfigReloadPending) {
    ConfigReloadPending = false;
    ProcessConfigFile(PGC_SIGHUP);
  }
}

}  // namespace pg
}  // namespace vseg
