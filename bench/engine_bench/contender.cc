#include "contender.h"

#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "report.h"

namespace vseg_bench {
namespace {

std::unique_ptr<Engine> MakeEngine(const std::string& name) {
  if (name == "vseg") {
    return MakeVsegEngine();
  }
  if (name == "faiss") {
    return MakeFaissEngine();
  }
  if (name != "hnswlib") {
    throw std::runtime_error("--engines knows vseg, faiss and hnswlib, not \"" + name + "\"");
  }
#ifdef VSEG_BENCH_HNSWLIB
  return MakeHnswlibEngine();
#else
  Progress("hnswlib is left out: its headers were not found when this was compiled");
  return nullptr;
#endif
}

// FNV-1a over words: what a saved index was built over.
uint64_t Fingerprint(const Matrix<float>& rows) {
  uint64_t hash = 0xcbf29ce484222325;
  for (float value : rows.values) {
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof(bits));
    hash = (hash ^ bits) * 0x100000001b3;
  }
  return hash;
}

std::string SavedPath(const Options& options, const Matrix<float>& rows, const std::string& name) {
  char fingerprint[17];
  snprintf(fingerprint, sizeof(fingerprint), "%016llx",
           static_cast<unsigned long long>(Fingerprint(rows)));
  return options.peer_cache + "/" + fingerprint + "-m" + std::to_string(options.build.m) + "-ef" +
         std::to_string(options.build.ef_construction) + "-" + name;
}

double Seconds(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

BuildTime Build(Engine* engine, const Matrix<float>& rows, const BuildSettings& settings) {
  Progress("building " + engine->label());
  double start = Seconds(CLOCK_MONOTONIC);
  double cpu_start = Seconds(CLOCK_PROCESS_CPUTIME_ID);
  engine->Build(rows, settings);
  BuildTime time{Seconds(CLOCK_MONOTONIC) - start, Seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu_start};
  Progress(engine->label() + " built in " + Number(time.seconds, 2) + " s");
  return time;
}

// The times are written last: where they can be read, the index is whole.
BuildTime LoadOrBuild(Engine* engine, const Options& options, const Matrix<float>& rows,
                      const std::string& name) {
  std::string path = SavedPath(options, rows, name);
  BuildTime time{};
  if (std::ifstream(path + ".seconds") >> time.seconds >> time.cpu_seconds &&
      engine->Load(path, rows)) {
    Progress(engine->label() + " was built by an earlier run");
    return time;
  }
  time = Build(engine, rows, options.build);
  std::filesystem::create_directories(options.peer_cache);
  if (engine->Save(path)) {
    std::ofstream(path + ".seconds") << time.seconds << ' ' << time.cpu_seconds << '\n';
  }
  return time;
}

// Null engine: left out.
Contender BuildContender(const Options& options, const std::string& name, const Sample& sample) {
  std::unique_ptr<Engine> engine = MakeEngine(name);
  if (engine == nullptr) {
    return {};
  }
  const Matrix<float>& rows = sample.data.base;
  bool cached = !options.peer_cache.empty() && name != "vseg";
  BuildTime time = cached ? LoadOrBuild(engine.get(), options, rows, name)
                          : Build(engine.get(), rows, options.build);
  std::string label = engine->label();
  if (options.rows.size() > 1) {
    label += ", " + std::to_string(rows.rows) + " rows";
  }
  return {label, &sample, std::move(engine), time};
}

}  // namespace

std::vector<Contender> BuildContenders(const Options& options, const std::list<Sample>& samples) {
  std::vector<Contender> contenders;
  for (const std::string& name : options.engines) {
    for (const Sample& sample : samples) {
      Contender contender = BuildContender(options, name, sample);
      if (contender.engine != nullptr) {
        contenders.push_back(std::move(contender));
      }
    }
  }
  if (contenders.empty()) {
    throw std::runtime_error("no engine is left to measure");
  }
  return contenders;
}

}  // namespace vseg_bench
