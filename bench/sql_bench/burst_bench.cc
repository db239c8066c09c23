// Rows per second into an index that has rows already, by several clients at once, and the CPU time
// that takes.
#include <algorithm>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <utility>
#include <vector>

#include "bench.h"
#include "clients.h"
#include "index_life.h"
#include "report.h"
#include "server_cpu.h"

namespace vseg_bench {
namespace {

constexpr char kTable[] = "burst";

struct Case {
  LoadMethod method;
  size_t rows;
  size_t clients;
};

struct Measured {
  double rows;
  double seconds;
  double backend_cpu;  // of the clients' backends
};

double Rate(const Measured& measured) { return measured.rows / measured.seconds; }
double RowsPerCpuSecond(const Measured& measured) { return measured.rows / measured.backend_cpu; }

using Repeats = std::vector<Measured>;

double MedianOf(const Repeats& repeats, double (*figure)(const Measured&)) {
  std::vector<double> figures;
  figures.reserve(repeats.size());
  for (const Measured& one : repeats) {
    figures.push_back(figure(one));
  }
  return Median(figures);
}

// Of the rates of two that were measured by turns; what was measured once is compared with all.
std::vector<double> Ratios(const Repeats& repeats, const Repeats& others) {
  std::vector<double> ratios;
  ratios.reserve(repeats.size());
  for (size_t i = 0; i < repeats.size(); i++) {
    ratios.push_back(Rate(repeats[i]) / Rate(others[std::min(i, others.size() - 1)]));
  }
  return ratios;
}

bool IsPeer(const IndexKind* kind) { return kind != nullptr && kind->method == "hnsw"; }

// pgvector's own rate does not depend on how many rows come, and would take too long to measure.
size_t RowCount(const Bench& bench, const IndexKind* kind, const Case& wanted) {
  return IsPeer(kind) ? std::min(wanted.rows, bench.options.peer_rows) : wanted.rows;
}

// As before every case; pgvector's index keeps the few rows of the cases before. No worker is left
// from the case before, whose rows would be sealed and merged beside this one's.
void PrepareTable(Bench* bench, const IndexKind* kind) {
  if (kind == nullptr) {
    CreateTable(bench, kTable);
  } else if (IsPeer(kind)) {
    if (!Exists(bench->session, LifeTable(*kind))) {
      BuildTable(bench, *kind, LifeTable(*kind), bench->options.base_rows);
    }
  } else {
    BuildTable(bench, *kind, LifeTable(*kind), bench->options.base_rows);
  }
  AwaitQuiet(bench->session);
  bench->session->Command("CHECKPOINT");
}

std::string Label(const IndexKind* kind) { return kind == nullptr ? "no index" : kind->label; }

// A server that has run for a while uses its WAL files again; a new one makes each of them first,
// who needs one waiting for it.
void MakeWalFiles(Session* session) {
  session->Command(
      "SELECT count(pg_logical_emit_message(false, 'vseg_bench', repeat('x', 8000000)))"
      " FROM generate_series(1, 500)");
  session->Command("CHECKPOINT");
}

// A virtual machine gives memory that was freed a while ago back to its host, and waits for it when
// a file grows: as long as for all else that a row takes, and least with what the case before has
// just freed. Writes a file and removes it, so that free memory is at hand for every case alike.
void MakeMemoryReady() {
  constexpr size_t kMegabytes = 1024;
  const std::unique_ptr<FILE, int (*)(FILE*)> file(tmpfile(), fclose);
  const std::vector<char> megabyte(1 << 20, 'x');
  for (size_t i = 0; i < kMegabytes; i++) {
    if (file == nullptr || fwrite(megabyte.data(), megabyte.size(), 1, file.get()) != 1) {
      throw std::runtime_error("cannot write a temporary file");
    }
  }
}

class BurstRun {
 public:
  explicit BurstRun(Bench* bench)
      : bench_(bench), stream_(bench->data.base, bench->options.base_rows) {
    MakeWalFiles(bench->session);
    kinds_.push_back(nullptr);
    for (const IndexKind& kind : bench->kinds) {
      kinds_.push_back(&kind);
    }
  }

  // Into the table that PrepareTable has made.
  Measured Load(const IndexKind* kind, const Case& wanted) {
    std::string table = kind == nullptr ? kTable : LifeTable(*kind);
    Matrix<float> rows = stream_.Take(RowCount(*bench_, kind, wanted));
    ClientsTime time = RunClients(wanted.clients, [&](Session* session, size_t number) {
      LoadRows(session, table, rows, Part({0, rows.rows}, number, wanted.clients), wanted.method);
    });
    return {static_cast<double>(rows.rows), time.seconds, time.backend_cpu};
  }

  void Run(const Case& wanted) {
    Progress(std::string(LoadMethodName(wanted.method)) + ", " + std::to_string(wanted.rows) +
             " rows, " + std::to_string(wanted.clients) + " clients");
    std::vector<Repeats> measured(kinds_.size());
    for (size_t repeat = 0; repeat < bench_->options.repeat; repeat++) {
      for (size_t i = 0; i < kinds_.size(); i++) {
        const size_t turn = repeat % 2 == 0 ? i : kinds_.size() - 1 - i;
        if (repeat == 0 || !IsPeer(kinds_[turn])) {
          measured[turn].push_back(MeasureAlone(kinds_[turn], wanted));
        }
      }
    }
    cases_.emplace_back(wanted, measured);
  }

  void Print() const {
    Table report(Header());
    for (const auto& [wanted, measured] : cases_) {
      report.Row(Row(wanted, measured));
    }
    report.Print();
  }

 private:
  // Workers leave a table that is dropped.
  Measured MeasureAlone(const IndexKind* kind, const Case& wanted) {
    PrepareTable(bench_, kind);
    MakeMemoryReady();
    const Measured measured = Load(kind, wanted);
    if (kind != nullptr && !IsPeer(kind)) {
      bench_->session->Command("DROP TABLE " + LifeTable(*kind));
    }
    return measured;
  }

  // What the first index is compared with.
  std::vector<size_t> Others() const {
    return kinds_.size() > 2 ? std::vector<size_t>{0, 2} : std::vector<size_t>{0};
  }

  std::vector<std::string> Header() const {
    std::vector<std::string> header = {"how", "rows", "clients"};
    for (const IndexKind* kind : kinds_) {
      header.push_back(Label(kind) + ", rows/s");
    }
    for (size_t other : Others()) {
      header.push_back(Label(kinds_[1]) + " / " + Label(kinds_[other]));
    }
    for (const IndexKind* kind : kinds_) {
      header.push_back(Label(kind) + ", rows a CPU second");
    }
    return header;
  }

  std::vector<std::string> Row(const Case& wanted, const std::vector<Repeats>& measured) const {
    std::vector<std::string> row = {LoadMethodName(wanted.method), std::to_string(wanted.rows),
                                    std::to_string(wanted.clients)};
    for (const Repeats& one : measured) {
      row.push_back(Number(MedianOf(one, Rate), 0));
    }
    for (size_t other : Others()) {
      row.push_back(Spread(Ratios(measured[1], measured[other]), 2));
    }
    for (const Repeats& one : measured) {
      row.push_back(Number(MedianOf(one, RowsPerCpuSecond), 0));
    }
    return row;
  }

  Bench* bench_;
  RowStream stream_;
  std::vector<const IndexKind*> kinds_;  // null: no index
  std::vector<std::pair<Case, std::vector<Repeats>>> cases_;
};

// CPU time of the whole server from the first row to when all are in segments and none is due to be
// merged.
void MeasureCores(Bench* bench, BurstRun* run) {
  Paragraph(
      "Cores: binary COPY into vseg. Accepted: by the CPU time of the clients' backends. Sealed "
      "and merged: by that of all of the server's processes, from /proc, from the first row until "
      "every row is in a graph segment and no merge is due. A core that a million rows a second "
      "needs is one that does nothing else and is as fast as these.");
  const IndexKind& kind = VsegKind(*bench);
  Table report({"dimensions", "rows", "clients", "rows/s", "rows a CPU second, accepted",
                "cores for 1M rows/s", "rows a CPU second, sealed and merged",
                "cores for 1M rows/s", "segments"});
  for (size_t clients : bench->options.clients) {
    size_t rows = bench->options.burst_rows.back();
    Progress("until all is merged, " + std::to_string(clients) + " clients");
    PrepareTable(bench, &kind);
    double before = ServerCpuSeconds(bench->session);
    Measured measured = run->Load(&kind, {LoadMethod::kCopy, rows, clients});
    SealAndWait(bench->session, LifeTable(kind));
    double cpu = ServerCpuSeconds(bench->session) - before;
    double sealed = measured.rows / cpu;
    report.Row({std::to_string(bench->data.base.dim), std::to_string(rows), std::to_string(clients),
                Number(Rate(measured), 0), Number(RowsPerCpuSecond(measured), 0),
                Number(1e6 / RowsPerCpuSecond(measured), 0), Number(sealed, 0),
                Number(1e6 / sealed, 0),
                std::to_string(ReadState(bench->session, IndexName(LifeTable(kind))).segments)});
  }
  report.Print();
}

std::vector<Case> Cases(const Options& options) {
  std::vector<Case> cases;
  for (size_t clients : options.clients) {
    for (size_t rows : options.burst_rows) {
      for (LoadMethod method :
           {LoadMethod::kCopy, LoadMethod::kTextCopy, LoadMethod::kMultiRowInsert}) {
        cases.push_back({method, rows, clients});
      }
    }
    cases.push_back({LoadMethod::kRowsSingleCommits, options.commit_rows, clients});
  }
  return cases;
}

}  // namespace

void RunBurst(Bench* bench) {
  Heading("burst: rows per second into an index that has " +
          std::to_string(bench->options.base_rows) + " rows");
  BurstRun run(bench);
  for (const Case& wanted : Cases(bench->options)) {
    run.Run(wanted);
  }
  Paragraph(
      "The clients share the rows. Each case is measured " + std::to_string(bench->options.repeat) +
      " times with and without vseg's index, by turns: medians, and of ratios the least and the "
      "most; free memory is made ready before each. vseg's index is built anew over the first rows "
      "each time; pgvector's is built once, "
      "and takes at most " +
      std::to_string(bench->options.peer_rows) +
      " rows of a case, once. No worker of vseg is left from the case before. The rate counts from "
      "when all clients are connected to the last "
      "commit: "
      "workers of vseg that seal meanwhile take their share of the CPU. A text's digits are made "
      "by the client while it sends. \"Rows a CPU second\": by the CPU time of the clients' "
      "backends, user and system, from /proc.");
  run.Print();
  if (bench->kinds[0].method == "vseg") {
    MeasureCores(bench, &run);
  }
}

}  // namespace vseg_bench
