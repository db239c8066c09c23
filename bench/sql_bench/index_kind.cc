#include "index_kind.h"

#include <algorithm>
#include <stdexcept>

#include "report.h"

namespace vseg_bench {
namespace {

// In the order in which their extensions are created.
const std::vector<IndexKind>& AllKinds() {
  static const std::vector<IndexKind> kinds = {
      {"hnsw", "pgvector hnsw", "vector", "hnsw.ef_search", 1000},
      {"vseg", "vseg", "vseg", "vseg.ef_search", 10000},
  };
  return kinds;
}

}  // namespace

std::vector<IndexKind> PrepareIndexKinds(Session* session, const Options& options) {
  std::vector<IndexKind> kinds;
  for (const IndexKind& kind : AllKinds()) {
    if (std::count(options.indexes.begin(), options.indexes.end(), kind.method) == 0) {
      continue;
    }
    if (session->Value("SELECT count(*) FROM pg_available_extensions WHERE name = '" +
                       kind.extension + "'") == "0") {
      Progress(kind.label + " is left out: the server has no extension " + kind.extension);
      continue;
    }
    session->Command("CREATE EXTENSION IF NOT EXISTS " + kind.extension);
    kinds.push_back(kind);
  }
  if (kinds.empty()) {
    throw std::runtime_error("none of the wanted indexes is available");
  }
  std::reverse(kinds.begin(), kinds.end());
  return kinds;
}

}  // namespace vseg_bench
