// What all background processes of vseg have in common: workers, launcher, scouts.
#ifndef VSEG_POSTGRES_WORKERS_BACKGROUND_PROCESS_H_
#define VSEG_POSTGRES_WORKERS_BACKGROUND_PROCESS_H_

#include "postgres/boundary/postgres_headers.h"

extern "C" {
#include "postmaster/bgworker.h"
}

namespace vseg {
namespace pg {

// To be registered: a process that connects to a database, once there is no recovery, runs
// `function` of vseg.so, and is not started again. Its name and type are `type`.
BackgroundWorker background_process(const char* function, const char* type);

// First of all in its main function: SIGTERM ends it, SIGHUP has the next reload_configuration()
// do something.
void set_up_signals();

// Reads the configuration again if it was changed. To be called between transactions, so that no
// setting changes while a job goes by it.
void reload_configuration();

}  // namespace pg
}  // namespace vseg

#endif  // VSEG_POSTGRES_WORKERS_BACKGROUND_PROCESS_H_
