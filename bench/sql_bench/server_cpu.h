// CPU time of the server's processes, from Linux's /proc: user and system, in ticks of 10 ms.
#pragma once

#include "session.h"

namespace vseg_bench {

// Of one process; 0 when it is gone.
double ProcessCpuSeconds(int pid);

// Of all processes of the server, those that have ended included. REQUIRES: the server runs on this
// machine.
double ServerCpuSeconds(Session* session);

}  // namespace vseg_bench
