#include "loader.h"

#include <algorithm>
#include <charconv>
#include <stdexcept>
#include <vector>

#include "binary_format.h"

namespace vseg_bench {
namespace {

constexpr size_t kCopyBufferBytes = 1 << 20;

// The binary COPY format: signature, flags, length of a header extension; rows; -1.
void Copy(Session* session, const std::string& table, const Matrix<float>& base, RowRange range) {
  session->BeginCopy("COPY " + table + " (id, embedding) FROM STDIN (FORMAT binary)");
  std::string bytes("PGCOPY\n\377\r\n\0", 11);
  AppendInt32(&bytes, 0);
  AppendInt32(&bytes, 0);
  for (size_t row = range.begin; row < range.end; row++) {
    AppendInt16(&bytes, 2);
    AppendInt32(&bytes, 8);
    AppendInt64(&bytes, row);
    AppendInt32(&bytes, static_cast<uint32_t>(4 + 4 * base.dim));
    AppendVector(&bytes, base.Row(row), base.dim);
    if (bytes.size() >= kCopyBufferBytes) {
      session->PutCopyData(bytes);
      bytes.clear();
    }
  }
  AppendInt16(&bytes, 0xFFFF);
  session->PutCopyData(bytes);
  session->EndCopy();
}

// The shortest text that is read back as the same float.
void AppendNumber(std::string* text, float value) {
  char digits[32];
  text->append(digits, std::to_chars(digits, digits + sizeof(digits), value).ptr);
}

void CopyText(Session* session, const std::string& table, const Matrix<float>& base,
              RowRange range) {
  session->BeginCopy("COPY " + table + " (id, embedding) FROM STDIN");
  std::string text;
  for (size_t row = range.begin; row < range.end; row++) {
    text += std::to_string(row);
    for (size_t i = 0; i < base.dim; i++) {
      text += i == 0 ? "\t[" : ",";
      AppendNumber(&text, base.Row(row)[i]);
    }
    text += "]\n";
    if (text.size() >= kCopyBufferBytes) {
      session->PutCopyData(text);
      text.clear();
    }
  }
  session->PutCopyData(text);
  session->EndCopy();
}

// One INSERT of the rows [begin, end) through a prepared statement for so many rows.
void InsertRows(Session* session, const std::string& statement, const Matrix<float>& base,
                RowRange range) {
  std::vector<std::string> fields;
  for (size_t row = range.begin; row < range.end; row++) {
    AppendInt64(&fields.emplace_back(), row);
    AppendVector(&fields.emplace_back(), base.Row(row), base.dim);
  }
  std::vector<Parameter> parameters;
  parameters.reserve(fields.size());
  for (const std::string& field : fields) {
    parameters.push_back({field.data(), field.size()});
  }
  session->Execute(statement, parameters);
}

void PrepareInsert(Session* session, const std::string& statement, const std::string& table,
                   size_t rows) {
  std::string sql = "INSERT INTO " + table + " (id, embedding) VALUES ";
  for (size_t row = 0; row < rows; row++) {
    sql += (row == 0 ? "($" : ", ($") + std::to_string(2 * row + 1) + ", $" +
           std::to_string(2 * row + 2) + ")";
  }
  session->Prepare(statement, sql);
}

void Insert(Session* session, const std::string& table, const Matrix<float>& base, RowRange range,
            size_t rows_per_insert) {
  size_t begin = range.begin;
  for (size_t rows : {rows_per_insert, size_t{1}}) {
    PrepareInsert(session, "insert_rows", table, rows);
    for (; begin + rows <= range.end; begin += rows) {
      InsertRows(session, "insert_rows", base, {begin, begin + rows});
    }
    session->Command("DEALLOCATE insert_rows");
  }
}

}  // namespace

const char* LoadMethodName(LoadMethod method) {
  switch (method) {
    case LoadMethod::kCopy:
      return "binary COPY";
    case LoadMethod::kTextCopy:
      return "text COPY";
    case LoadMethod::kMultiRowInsert:
      return "INSERT of 100 rows a statement and commit";
    case LoadMethod::kRowsInOneTransaction:
      return "single-row INSERTs in one transaction";
    case LoadMethod::kRowsSingleCommits:
      return "single-row INSERTs, a commit each";
  }
  throw std::logic_error("unknown load method");
}

void PrepareRowInsert(Session* session, const std::string& table) {
  PrepareInsert(session, "insert_row", table, 1);
}

void InsertRow(Session* session, const Matrix<float>& base, size_t row) {
  InsertRows(session, "insert_row", base, {row, row + 1});
}

double LoadRows(Session* session, const std::string& table, const Matrix<float>& base,
                RowRange range, LoadMethod method) {
  double start = Now();
  switch (method) {
    case LoadMethod::kCopy:
      Copy(session, table, base, range);
      break;
    case LoadMethod::kTextCopy:
      CopyText(session, table, base, range);
      break;
    case LoadMethod::kMultiRowInsert:
      Insert(session, table, base, range, kRowsPerInsert);
      break;
    case LoadMethod::kRowsInOneTransaction:
      session->Command("BEGIN");
      Insert(session, table, base, range, 1);
      session->Command("COMMIT");
      break;
    case LoadMethod::kRowsSingleCommits:
      Insert(session, table, base, range, 1);
      break;
  }
  return Now() - start;
}

}  // namespace vseg_bench
