// An engine with its index built, and what building it took.
#pragma once

#include <list>
#include <memory>
#include <string>
#include <vector>

#include "engine.h"
#include "options.h"
#include "sample.h"

namespace vseg_bench {

struct BuildTime {
  double seconds;      // by the clock
  double cpu_seconds;  // of all threads
};

struct Contender {
  std::string label;
  const Sample* sample;
  std::unique_ptr<Engine> engine;
  BuildTime build;
};

// The engines of the options over every sample, built in turn; one that this program was compiled
// without is left out with a word. Peers that an earlier run saved are loaded; vseg is always
// built.
std::vector<Contender> BuildContenders(const Options& options, const std::list<Sample>& samples);

}  // namespace vseg_bench
