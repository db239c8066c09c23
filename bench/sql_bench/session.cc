#include "session.h"

#include <chrono>
#include <stdexcept>
#include <utility>

namespace vseg_bench {
namespace {

void KeepNotice(void* notices, const char* message) {
  std::string text(message);
  while (!text.empty() && text.back() == '\n') {
    text.pop_back();
  }
  static_cast<std::vector<std::string>*>(notices)->push_back(text);
}

}  // namespace

double Now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

Session::Session() : connection_(PQconnectdb("")) {
  if (PQstatus(connection_) != CONNECTION_OK) {
    std::string message = PQerrorMessage(connection_);
    PQfinish(connection_);
    throw std::runtime_error(message);
  }
  PQsetNoticeProcessor(connection_, KeepNotice, &notices_);
}

Result Session::Check(PGresult* raw, const std::string& sql) {
  Result result(raw);
  ExecStatusType status = PQresultStatus(raw);
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_COPY_IN) {
    throw std::runtime_error(std::string(PQerrorMessage(connection_)) + "STATEMENT: " + sql);
  }
  return result;
}

Result Session::Query(const std::string& sql) {
  return Check(PQexec(connection_, sql.c_str()), sql);
}

Result Session::BinaryQuery(const std::string& sql) {
  return Check(
      PQexecParams(connection_, sql.c_str(), 0, nullptr, nullptr, nullptr, nullptr, /*format*/ 1),
      sql);
}

std::string Session::Value(const std::string& sql) {
  Result result = Query(sql);
  if (PQntuples(result.get()) < 1) {
    throw std::runtime_error("no row from: " + sql);
  }
  return PQgetvalue(result.get(), 0, 0);
}

double Session::Seconds(const std::string& sql) {
  double start = Now();
  Command(sql);
  return Now() - start;
}

void Session::Prepare(const std::string& name, const std::string& sql) {
  Check(PQprepare(connection_, name.c_str(), sql.c_str(), 0, nullptr), sql);
}

Result Session::Execute(const std::string& name, const std::vector<Parameter>& parameters) {
  std::vector<const char*> values;
  std::vector<int> lengths;
  for (const Parameter& parameter : parameters) {
    values.push_back(parameter.bytes);
    lengths.push_back(static_cast<int>(parameter.length));
  }
  std::vector<int> formats(parameters.size(), 1);
  return Check(PQexecPrepared(connection_, name.c_str(), static_cast<int>(parameters.size()),
                              values.data(), lengths.data(), formats.data(), /*format*/ 1),
               name);
}

void Session::BeginCopy(const std::string& sql) { Command(sql); }

void Session::PutCopyData(const std::string& bytes) {
  if (PQputCopyData(connection_, bytes.data(), static_cast<int>(bytes.size())) != 1) {
    throw std::runtime_error(PQerrorMessage(connection_));
  }
}

void Session::EndCopy() {
  if (PQputCopyEnd(connection_, nullptr) != 1) {
    throw std::runtime_error(PQerrorMessage(connection_));
  }
  while (PGresult* result = PQgetResult(connection_)) {
    Check(result, "COPY");
  }
}

std::vector<std::string> Session::TakeNotices() { return std::exchange(notices_, {}); }

int64_t Int8Field(const PGresult* result, int row, int column) {
  const char* bytes = PQgetvalue(result, row, column);
  uint64_t value = 0;
  for (int i = 0; i < 8; i++) {
    value = value << 8 | static_cast<unsigned char>(bytes[i]);
  }
  return static_cast<int64_t>(value);
}

}  // namespace vseg_bench
