#include "index_life.h"

#include <unistd.h>

#include <stdexcept>

#include "report.h"

namespace vseg_bench {
namespace {

constexpr useconds_t kPollMicroseconds = 50000;
constexpr int kQuietPolls = 10;
constexpr double kLongestWait = 600;  // seconds
// Between two orders to seal, the one before having found somebody else at work.
constexpr double kOrderSeconds = 1;

bool IsWorkerBusy(Session* session) {
  return session->Value(
             "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'vseg worker'") != "0";
}

// Starts a worker with this idea of a long tail, if none is sealing: another one may be merging.
void OrderSeal(Session* session, const std::string& table) {
  session->Command("SET vseg.tail_seal_rows = 1");
  session->Command("VACUUM " + table);
  session->Command("RESET vseg.tail_seal_rows");
}

}  // namespace

IndexState ReadState(Session* session, const std::string& index) {
  Result result = session->Query(
      "SELECT count(*) FILTER (WHERE kind = 'graph segment'),"
      " coalesce(sum(rows) FILTER (WHERE kind <> 'graph segment'), 0), sum(dead_rows),"
      " sum(pages) * current_setting('block_size')::int FROM vseg_segments('" +
      index + "')");
  auto field = [&](int column) { return std::stod(PQgetvalue(result.get(), 0, column)); };
  return {static_cast<size_t>(field(0)), static_cast<size_t>(field(1)),
          static_cast<size_t>(field(2)), field(3)};
}

const IndexKind& VsegKind(const Bench& bench) {
  for (const IndexKind& kind : bench.kinds) {
    if (kind.method == "vseg") {
      return kind;
    }
  }
  throw std::runtime_error("this benchmark needs vseg in --indexes");
}

std::string LifeTable(const IndexKind& kind) { return "life_" + kind.method; }

bool WaitUntilQuiet(Session* session, double seconds) {
  double end = Now() + seconds;
  for (int quiet = 0; quiet < kQuietPolls; quiet++) {
    usleep(kPollMicroseconds);
    if (IsWorkerBusy(session)) {
      quiet = 0;
    }
    if (Now() > end) {
      return false;
    }
  }
  return true;
}

void AwaitQuiet(Session* session) {
  if (!WaitUntilQuiet(session, kLongestWait)) {
    throw std::runtime_error("workers of vseg do not come to rest");
  }
}

bool SealTail(Session* session, const std::string& table, double seconds) {
  double end = Now() + seconds;
  double next_order = 0;
  while (ReadState(session, IndexName(table)).tail_rows > 0) {
    if (Now() > end) {
      return false;
    }
    if (Now() > next_order) {
      OrderSeal(session, table);
      next_order = Now() + kOrderSeconds;
    }
    usleep(kPollMicroseconds);
  }
  return true;
}

void SealAndWait(Session* session, const std::string& table) {
  if (!SealTail(session, table, kLongestWait) || !WaitUntilQuiet(session, kLongestWait)) {
    throw std::runtime_error("sealing or merging " + IndexName(table) +
                             " does not end: " + StateText(ReadState(session, IndexName(table))));
  }
}

std::string StateText(const IndexState& state) {
  return std::to_string(state.segments) + " segments, " + std::to_string(state.tail_rows) +
         " rows in the tail, " + std::to_string(state.dead_rows) + " dead";
}

double WalPosition(Session* session) {
  return std::stod(session->Value("SELECT pg_current_wal_insert_lsn() - '0/0'"));
}

}  // namespace vseg_bench
