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
  static const std::vector<std::string> commands = {
      "build", "search", "recall",    "tail",   "ingest", "load",  "cold",   "scale",        "size",
      "plans", "burst",  "sustained", "stream", "phases", "churn", "vacuum", "amplification"};
  return commands;
}

using Setter = std::function<void(const std::string&)>;

Setter CountSetter(size_t* target) {
  return [target](const std::string& text) { *target = ParseCount(text); };
}

Setter CountsSetter(std::vector<size_t>* target) {
  return [target](const std::string& text) { *target = ParseCounts(text); };
}

// Of the benchmarks of an index's life.
std::map<std::string, Setter> LifeSetters(Options* options) {
  return {
      {"--base-rows", CountSetter(&options->base_rows)},
      {"--burst-rows", CountsSetter(&options->burst_rows)},
      {"--clients", CountsSetter(&options->clients)},
      {"--peer-rows", CountSetter(&options->peer_rows)},
      {"--peer-seconds", CountSetter(&options->peer_seconds)},
      {"--sustained-rows", CountSetter(&options->sustained_rows)},
      {"--batch-rows", CountSetter(&options->batch_rows)},
      {"--duration", CountSetter(&options->duration)},
      {"--full-speed-seconds", CountSetter(&options->full_speed_seconds)},
      {"--stream-rate", CountSetter(&options->stream_rate)},
      {"--generations", CountSetter(&options->generations)},
      {"--churn-rows", CountSetter(&options->churn_rows)},
      {"--vacuum-rows", CountSetter(&options->vacuum_rows)},
      {"--merge-factors", CountsSetter(&options->merge_factors)},
      {"--seals", CountSetter(&options->seals)},
  };
}

std::map<std::string, Setter> Setters(Options* options) {
  auto string = [](std::string* target) {
    return [target](const std::string& text) { *target = text; };
  };
  auto unsorted = [](std::vector<size_t>* target) {
    return [target](const std::string& text) {
      target->clear();
      for (const std::string& part : Split(text)) {
        target->push_back(ParseCount(part));
      }
    };
  };
  std::map<std::string, Setter> setters = {
      {"--data", string(&options->data)},
      {"--metric", string(&options->metric)},
      {"--query-name", string(&options->query_name)},
      {"--indexes", [options](const std::string& text) { options->indexes = Split(text); }},
      {"--rows", CountSetter(&options->rows)},
      {"--queries", CountSetter(&options->queries)},
      {"--k", unsorted(&options->k)},
      {"--repeat", CountSetter(&options->repeat)},
      {"--m", CountSetter(&options->m)},
      {"--ef-construction", CountSetter(&options->ef_construction)},
      {"--storage", [options](const std::string& text) { options->storage = Split(text); }},
      {"--ef-search", CountsSetter(&options->ef_search)},
      {"--recall-targets",
       [options](const std::string& text) { options->recall_targets = ParseNumbers(text); }},
      {"--until", [options](const std::string& text) { options->until = ParseNumbers(text)[0]; }},
      {"--scale-rows", CountsSetter(&options->scale_rows)},
      {"--cold-ef", CountsSetter(&options->cold_ef)},
      {"--cold-queries", CountSetter(&options->cold_queries)},
      {"--drop-caches", CountSetter(&options->drop_caches)},
      {"--size-dimensions", CountsSetter(&options->size_dimensions)},
      {"--size-rows", CountSetter(&options->size_rows)},
      {"--plan-dimensions", CountsSetter(&options->plan_dimensions)},
      {"--plan-rows", CountsSetter(&options->plan_rows)},
      {"--plan-tails", CountsSetter(&options->plan_tails)},
      {"--insert-rows", CountSetter(&options->insert_rows)},
      {"--commit-rows", CountSetter(&options->commit_rows)},
      {"--tail", CountsSetter(&options->tail)},
      {"--faiss-build", string(&options->faiss_build)},
      {"--curve", string(&options->curve)},
  };
  setters.merge(LifeSetters(options));
  return setters;
}

// Whether one is 0 that makes no sense then.
bool HasZero(const Options& options) {
  // Lists are in ascending order, but for k: their first one tells.
  std::vector<size_t> counts = {options.repeat,
                                options.insert_rows,
                                options.commit_rows,
                                options.cold_queries,
                                options.scale_rows[0],
                                options.size_rows,
                                options.size_dimensions[0],
                                options.plan_dimensions[0],
                                options.plan_rows[0],
                                options.burst_rows[0],
                                options.clients[0],
                                options.peer_rows,
                                options.peer_seconds,
                                options.sustained_rows,
                                options.batch_rows,
                                options.full_speed_seconds,
                                options.stream_rate,
                                options.generations,
                                options.churn_rows,
                                options.vacuum_rows,
                                options.merge_factors[0],
                                options.seals};
  counts.insert(counts.end(), options.k.begin(), options.k.end());
  return std::count(counts.begin(), counts.end(), 0) > 0;
}

void CheckOptions(const Options& options) {
  const bool generated =
      std::all_of(options.commands.begin(), options.commands.end(), GeneratesItsRows);
  if (options.commands.empty() || (options.data.empty() && !generated)) {
    throw std::runtime_error("--data and a command are needed\n" + Usage());
  }
  for (const std::string& index : options.indexes) {
    if (index != "vseg" && index != "hnsw") {
      throw std::runtime_error("--indexes knows vseg and hnsw, not \"" + index + "\"");
    }
  }
  if (HasZero(options)) {
    throw std::runtime_error(
        "only --rows, --queries, --ef-search, --tail, --plan-tails, --drop-caches, --base-rows and "
        "--duration may be 0");
  }
}

}  // namespace

bool GeneratesItsRows(const std::string& command) {
  return command == "size" || command == "plans";
}

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
