#include "cpu.h"

#include <fstream>

namespace vseg_bench {
namespace {

std::string CpuInfo(const std::string& key) {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    size_t colon = line.find(": ");
    if (line.compare(0, key.size(), key) == 0 && colon != std::string::npos) {
      return line.substr(colon + 2);
    }
  }
  return "unknown";
}

}  // namespace

std::string CpuModel() { return CpuInfo("model name"); }

std::string InstructionSets() {
  std::string flags = " " + CpuInfo("flags") + " ";
  std::string sets;
  for (const char* set : {"sse4_2", "avx2", "fma", "avx512f", "avx512bw", "avx512_vnni"}) {
    if (flags.find(std::string(" ") + set + " ") != std::string::npos) {
      sets += std::string(" ") + set;
    }
  }
  return sets;
}

}  // namespace vseg_bench
