#include "options.h"

#include <algorithm>
#include <functional>
#include <map>
#include <stdexcept>

#include "numbers.h"

namespace vseg_bench {
namespace {

const std::vector<std::string>& AllCommands() {
  static const std::vector<std::string> commands = {"build", "search", "recall", "tail", "ingest"};
  return commands;
}

using Setter = std::function<void(const std::string&)>;

std::map<std::string, Setter> Setters(Options* options) {
  auto count = [](size_t* target) {
    return [target](const std::string& text) { *target = ParseCount(text); };
  };
  auto string = [](std::string* target) {
    return [target](const std::string& text) { *target = text; };
  };
  auto counts = [](std::vector<size_t>* target) {
    return [target](const std::string& text) { *target = ParseCounts(text); };
  };
  return {
      {"--data", string(&options->data)},
      {"--metric", string(&options->metric)},
      {"--indexes", [options](const std::string& text) { options->indexes = Split(text); }},
      {"--rows", count(&options->rows)},
      {"--queries", count(&options->queries)},
      {"--k", count(&options->k)},
      {"--repeat", count(&options->repeat)},
      {"--m", count(&options->m)},
      {"--ef-construction", count(&options->ef_construction)},
      {"--storage", string(&options->storage)},
      {"--ef-search", counts(&options->ef_search)},
      {"--recall-targets",
       [options](const std::string& text) { options->recall_targets = ParseNumbers(text); }},
      {"--insert-rows", count(&options->insert_rows)},
      {"--commit-rows", count(&options->commit_rows)},
      {"--tail", counts(&options->tail)},
      {"--faiss-build", string(&options->faiss_build)},
      {"--curve", string(&options->curve)},
  };
}

void CheckOptions(const Options& options) {
  if (options.data.empty() || options.commands.empty()) {
    throw std::runtime_error("--data and a command are needed\n" + Usage());
  }
  for (const std::string& index : options.indexes) {
    if (index != "vseg" && index != "hnsw") {
      throw std::runtime_error("--indexes knows vseg and hnsw, not \"" + index + "\"");
    }
  }
  if (options.k == 0 || options.repeat == 0 || options.insert_rows == 0 ||
      options.commit_rows == 0) {
    throw std::runtime_error("--k, --repeat, --insert-rows and --commit-rows start at 1");
  }
}

}  // namespace

Options ParseOptions(int argc, char** argv) {
  Options options;
  std::map<std::string, Setter> setters = Setters(&options);
  for (int i = 1; i < argc; i++) {
    std::string argument = argv[i];
    auto setter = setters.find(argument);
    if (setter != setters.end() && i + 1 < argc) {
      setter->second(argv[++i]);
    } else if (std::count(AllCommands().begin(), AllCommands().end(), argument) == 1) {
      options.commands.push_back(argument);
    } else if (argument == "all") {
      options.commands = AllCommands();
    } else {
      throw std::runtime_error("not understood: " + argument + "\n" + Usage());
    }
  }
  CheckOptions(options);
  return options;
}

std::string Usage() {
  Options options;
  std::string text =
      "usage: vseg_sql_bench --data DIR [--option VALUE]... COMMAND...\n"
      "commands: all";
  for (const std::string& command : AllCommands()) {
    text += " " + command;
  }
  text += "\noptions:";
  for (const auto& [name, setter] : Setters(&options)) {
    text += " " + name;
  }
  return text + "\nbench/README.md describes them";
}

}  // namespace vseg_bench
