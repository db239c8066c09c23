// The circumstances of a run, which every report states.
#pragma once

#include "bench.h"

namespace vseg_bench {

void PrintEnvironment(Bench* bench);
// The index libraries' own settings, known once they were loaded, as they are by default.
void PrintIndexSettings(Bench* bench);

}  // namespace vseg_bench
