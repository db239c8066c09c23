#include "options.h"

#include <algorithm>
#include <functional>
#include <map>
#include <stdexcept>

#include "numbers.h"

namespace vseg_bench {
namespace {

using Setter = std::function<void(const std::string&)>;

std::map<std::string, Setter> Setters(Options* options) {
  auto count = [](auto* target) {
    return [target](const std::string& text) {
      *target = static_cast<std::remove_reference_t<decltype(*target)>>(ParseCount(text));
    };
  };
  auto counts = [](std::vector<size_t>* target) {
    return [target](const std::string& text) { *target = ParseCounts(text); };
  };
  auto string = [](std::string* target) {
    return [target](const std::string& text) { *target = text; };
  };
  DataSource& data = options->data;
  return {
      {"--metric", [&data](const std::string& text) { data.metric = ParseMetric(text); }},
      {"--rows", counts(&options->rows)},
      {"--queries", count(&data.queries)},
      {"--query-name", string(&data.query_name)},
      {"--engines", [options](const std::string& text) { options->engines = Split(text); }},
      {"--m", count(&options->build.m)},
      {"--ef-construction", count(&options->build.ef_construction)},
      {"--threads", count(&options->build.threads)},
      {"--k", counts(&options->k)},
      {"--ef-search", counts(&options->ef_search)},
      {"--recall-targets",
       [options](const std::string& text) { options->recall_targets = ParseNumbers(text); }},
      {"--until", [options](const std::string& text) { options->until = ParseNumbers(text)[0]; }},
      {"--repeat", count(&options->repeat)},
      {"--peer-cache", string(&options->peer_cache)},
      {"--points", string(&options->points)},
      {"--curve", string(&options->curve)},
  };
}

void CheckOptions(const Options& options) {
  if (options.k[0] == 0 || options.ef_search[0] == 0 || options.repeat == 0 ||
      options.build.threads == 0 || options.build.m < 2) {
    throw std::runtime_error("--k, --ef-search, --repeat and --threads start at 1, --m at 2");
  }
}

}  // namespace

Options ParseOptions(int argc, char** argv) {
  Options options;
  options.data.queries = 1000;
  std::map<std::string, Setter> setters = Setters(&options);
  if (argc < 2 || argc % 2 != 0) {
    std::string usage = "usage: vseg_engine_bench DIR [--option VALUE]...; options:";
    for (const auto& [name, setter] : setters) {
      usage += " " + name;
    }
    throw std::runtime_error(usage);
  }
  options.data.directory = argv[1];
  for (int i = 2; i < argc; i += 2) {
    auto setter = setters.find(argv[i]);
    if (setter == setters.end()) {
      throw std::runtime_error(std::string("unknown option ") + argv[i]);
    }
    setter->second(argv[i + 1]);
  }
  CheckOptions(options);
  return options;
}

}  // namespace vseg_bench
