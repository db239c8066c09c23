#include "options.h"

#include <algorithm>
#include <functional>
#include <map>
#include <stdexcept>

#include "numbers.h"

namespace vseg_bench {
namespace {

// What "all" stands for.
const std::vector<std::string>& UsualCommands() {
  static const std::vector<std::string> commands = {"build", "search", "recall", "tail", "ingest"};
  return commands;
}

const std::vector<std::string>& AllCommands() {
  static const std::vector<std::string> commands = {"build", "search", "recall", "tail", "ingest",
                                                    "load",  "cold",   "scale",  "size"};
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
  auto unsorted = [](std::vector<size_t>* target) {
    return [target](const std::string& text) {
      target->clear();
      for (const std::string& part : Split(text)) {
        target->push_back(ParseCount(part));
      }
    };
  };
  return {
      {"--data", string(&options->data)},
      {"--metric", string(&options->metric)},
      {"--query-name", string(&options->query_name)},
      {"--indexes", [options](const std::string& text) { options->indexes = Split(text); }},
      {"--rows", count(&options->rows)},
      {"--queries", count(&options->queries)},
      {"--k", unsorted(&options->k)},
      {"--repeat", count(&options->repeat)},
      {"--m", count(&options->m)},
      {"--ef-construction", count(&options->ef_construction)},
      {"--storage", [options](const std::string& text) { options->storage = Split(text); }},
      {"--ef-search", counts(&options->ef_search)},
      {"--recall-targets",
       [options](const std::string& text) { options->recall_targets = ParseNumbers(text); }},
      {"--until", [options](const std::string& text) { options->until = ParseNumbers(text)[0]; }},
      {"--scale-rows", counts(&options->scale_rows)},
      {"--cold-ef", counts(&options->cold_ef)},
      {"--cold-queries", count(&options->cold_queries)},
      {"--drop-caches", count(&options->drop_caches)},
      {"--size-dimensions", counts(&options->size_dimensions)},
      {"--size-rows", count(&options->size_rows)},
      {"--insert-rows", count(&options->insert_rows)},
      {"--commit-rows", count(&options->commit_rows)},
      {"--tail", counts(&options->tail)},
      {"--faiss-build", string(&options->faiss_build)},
      {"--curve", string(&options->curve)},
  };
}

void CheckOptions(const Options& options) {
  bool generated = options.commands == std::vector<std::string>{"size"};
  if (options.commands.empty() || (options.data.empty() && !generated)) {
    throw std::runtime_error("--data and a command are needed\n" + Usage());
  }
  for (const std::string& index : options.indexes) {
    if (index != "vseg" && index != "hnsw") {
      throw std::runtime_error("--indexes knows vseg and hnsw, not \"" + index + "\"");
    }
  }
  if (std::count(options.k.begin(), options.k.end(), 0) > 0 || options.repeat == 0 ||
      options.insert_rows == 0 || options.commit_rows == 0 || options.cold_queries == 0 ||
      options.scale_rows[0] == 0 || options.size_rows == 0 || options.size_dimensions[0] == 0) {
    throw std::runtime_error(
        "only --rows, --queries, --ef-search, --tail and --drop-caches may be 0");
  }
}

}  // namespace

size_t LargestK(const Options& options) {
  return *std::max_element(options.k.begin(), options.k.end());
}

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
      options.commands = UsualCommands();
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
