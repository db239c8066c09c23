#include "server_cpu.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <string>

namespace vseg_bench {
namespace {

// Fields of /proc/PID/stat (proc(5)).
struct ProcessStat {
  int parent = 0;
  double own = 0;       // ticks, user and system
  double children = 0;  // of children that have ended and were waited for
};

ProcessStat ReadStat(int pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text((std::istreambuf_iterator<char>(file)), {});
  ProcessStat stat;
  size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) {
    return stat;
  }
  std::istringstream fields(text.substr(name_end + 1));
  std::string field;
  // The third field, the state, comes first here.
  for (int number = 3; number <= 17 && fields >> field; number++) {
    if (number == 4) {
      stat.parent = std::stoi(field);
    } else if (number == 14 || number == 15) {
      stat.own += std::stod(field);
    } else if (number >= 16) {
      stat.children += std::stod(field);
    }
  }
  return stat;
}

double Seconds(double ticks) { return ticks / static_cast<double>(sysconf(_SC_CLK_TCK)); }

}  // namespace

double ProcessCpuSeconds(int pid) { return Seconds(ReadStat(pid).own); }

double ServerCpuSeconds(Session* session) {
  int postmaster = ReadStat(session->Pid()).parent;
  if (postmaster == 0) {
    throw std::runtime_error("the server's processes are not on this machine");
  }
  ProcessStat stat = ReadStat(postmaster);
  double ticks = stat.own + stat.children;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    std::string name = entry.path().filename();
    if (!std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; })) {
      continue;
    }
    ProcessStat child = ReadStat(std::stoi(name));
    ticks += child.parent == postmaster ? child.own : 0;
  }
  return Seconds(ticks);
}

}  // namespace vseg_bench
