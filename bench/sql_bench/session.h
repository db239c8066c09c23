// A connection to the server, with libpq's results and errors as values and exceptions. Where to
// connect comes from libpq's own environment (PGHOST, PGDATABASE, ...).
#pragma once

#include <libpq-fe.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace vseg_bench {

struct ResultDeleter {
  void operator()(PGresult* result) const { PQclear(result); }
};
using Result = std::unique_ptr<PGresult, ResultDeleter>;

// A binary parameter of a prepared statement.
struct Parameter {
  const char* bytes;
  size_t length;
};

// Every member function throws std::runtime_error with the server's message when it fails.
class Session {
 public:
  Session();
  ~Session() { PQfinish(connection_); }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void Command(const std::string& sql) { Query(sql); }
  Result Query(const std::string& sql);
  // Rows in the binary format.
  Result BinaryQuery(const std::string& sql);
  // The first column of the first row; an error when there is none.
  std::string Value(const std::string& sql);
  // Wall clock of one statement.
  double Seconds(const std::string& sql);

  void Prepare(const std::string& name, const std::string& sql);
  // Parameters and rows in the binary format.
  Result Execute(const std::string& name, const std::vector<Parameter>& parameters);

  void BeginCopy(const std::string& sql);
  void PutCopyData(const std::string& bytes);
  void EndCopy();

  // Of the process that serves this connection.
  int Pid() const { return PQbackendPID(connection_); }

  // Notices and warnings since the last call.
  std::vector<std::string> TakeNotices();

 private:
  Result Check(PGresult* result, const std::string& sql);

  PGconn* connection_;
  std::vector<std::string> notices_;
};

// A big-endian int8 field of a binary result.
int64_t Int8Field(const PGresult* result, int row, int column);

// Seconds of a monotonic clock.
double Now();

}  // namespace vseg_bench
