// The access methods that are compared, and the SQL in which they differ.
#pragma once

#include <string>
#include <vector>

#include "options.h"
#include "session.h"

namespace vseg_bench {

struct IndexKind {
  std::string method;     // name of the access method, and suffix of table names
  std::string label;      // in reports
  std::string extension;  // that brings it
  std::string ef_setting;
  size_t ef_largest;
};

// Creates the extensions that serve the wanted indexes, pgvector first, so that both indexes sit on
// the same type. What is not installed on the server is left out with a word (which the report
// repeats); an error when nothing is left.
std::vector<IndexKind> PrepareIndexKinds(Session* session, const Options& options);

}  // namespace vseg_bench
