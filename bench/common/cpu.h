// The processor a run was measured on.
#pragma once

#include <string>

namespace vseg_bench {

std::string CpuModel();
// Those of its instruction sets that vector code may use, with a space before each.
std::string InstructionSets();

}  // namespace vseg_bench
