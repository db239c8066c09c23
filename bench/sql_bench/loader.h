// The ways rows get into a table (id bigint, embedding vector).
#pragma once

#include <cstddef>
#include <string>

#include "session.h"
#include "vecs_file.h"

namespace vseg_bench {

enum class LoadMethod {
  kCopy,
  kTextCopy,
  kMultiRowInsert,
  kRowsInOneTransaction,
  kRowsSingleCommits
};

const char* LoadMethodName(LoadMethod method);

struct RowRange {
  size_t begin;
  size_t end;
};

constexpr size_t kRowsPerInsert = 100;

// A statement that inserts one row, and a commit of it, whose id is its row number.
void PrepareRowInsert(Session* session, const std::string& table);
void InsertRow(Session* session, const Matrix<float>& base, size_t row);

// Loads base rows [begin, end), whose ids are their row numbers; returns the seconds it took,
// commit included.
double LoadRows(Session* session, const std::string& table, const Matrix<float>& base,
                RowRange range, LoadMethod method);

}  // namespace vseg_bench
