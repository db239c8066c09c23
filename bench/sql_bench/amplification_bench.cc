// How often a row is written into a graph, against the planner's own formula.
#include <unistd.h>

#include <limits>
#include <map>

#include "bench.h"
#include "clients.h"
#include "engine/compaction/merge_planner.h"
#include "index_life.h"
#include "report.h"

namespace vseg_bench {
namespace {

constexpr char kTable[] = "amplified";
constexpr useconds_t kPauseMicroseconds = 2000;  // a merge takes longer

// All graph segments that an index has had, seen by looking often. Numbers of members are never
// given twice, and a seal takes one for the chain that it replaces and one for its segment, so that
// a number that was never seen tells of a segment that was missed.
class SegmentsSeen {
 public:
  explicit SegmentsSeen(Session* session) : session_(session) {}

  void Look() {
    Result result =
        session_->Query("SELECT segment_id, rows, kind = 'graph segment' FROM vseg_segments('" +
                        IndexName(kTable) + "')");
    for (int row = 0; row < PQntuples(result.get()); row++) {
      int id = std::stoi(PQgetvalue(result.get(), row, 0));
      bool segment = PQgetvalue(result.get(), row, 2)[0] == 't';
      rows_[id] = segment ? std::stod(PQgetvalue(result.get(), row, 1)) : 0;
    }
  }

  double RowsWritten() const {
    double sum = 0;
    for (const auto& [id, rows] : rows_) {
      sum += rows;
    }
    return sum;
  }

  size_t Missed() const {
    return rows_.empty() ? 0
                         : static_cast<size_t>(rows_.rbegin()->first - rows_.begin()->first + 1) -
                               rows_.size();
  }

 private:
  Session* session_;
  std::map<int, double> rows_;  // by number; 0 for chains
};

struct Amplified {
  double rows;
  double written;
  size_t missed;
  double wal_bytes;
  IndexState after;
};

Amplified Measure(Bench* bench, size_t merge_factor, size_t seal) {
  Session* session = bench->session;
  Progress("merge_factor " + std::to_string(merge_factor));
  CreateTable(bench, kTable);
  session->Command(CreateIndexSql(*bench, VsegKind(*bench), kTable));
  session->Command("ALTER INDEX " + IndexName(kTable) +
                   " SET (merge_factor = " + std::to_string(merge_factor) + ")");
  RowStream stream(bench->data.base, 0);
  std::unique_ptr<Session> other = OpenSession();
  SegmentsSeen seen(other.get());
  Background looker([&](const std::atomic<bool>& stop) {
    while (!stop) {
      seen.Look();
      usleep(kPauseMicroseconds);
    }
  });
  double wal = WalPosition(session);
  double rows = 0;
  for (size_t n = 0; n < bench->options.seals; n++) {
    Matrix<float> batch = stream.Take(seal);
    LoadRows(session, kTable, batch, {0, batch.rows}, LoadMethod::kCopy);
    rows += static_cast<double>(batch.rows);
    SealAndWait(session, kTable);
  }
  looker.Stop();
  return {rows, seen.RowsWritten(), seen.Missed(), WalPosition(session) - wal,
          ReadState(session, IndexName(kTable))};
}

}  // namespace

void RunAmplification(Bench* bench) {
  Heading("amplification: how often a row is written into a graph");
  size_t seal = std::stoul(bench->session->Value("SHOW vseg.tail_seal_rows"));
  Table report({"merge_factor", "rows", "written / ingested", "by the planner's formula",
                "measured / formula", "segments missed", "WAL bytes / vector bytes", "segments"});
  for (size_t merge_factor : bench->options.merge_factors) {
    Amplified one = Measure(bench, merge_factor, seal);
    vseg::MergePolicy policy = {seal, static_cast<uint32_t>(merge_factor), 1,
                                std::numeric_limits<uint64_t>::max()};
    double expected = vseg::expected_write_amplification(static_cast<uint64_t>(one.rows), policy);
    double measured = one.written / one.rows;
    double vectors = 4 * one.rows * static_cast<double>(bench->data.base.dim);
    report.Row({std::to_string(merge_factor), Number(one.rows, 0), Number(measured, 2),
                Number(expected, 2), Number(measured / expected, 2), std::to_string(one.missed),
                Number(one.wal_bytes / vectors, 1), std::to_string(one.after.segments)});
  }
  Paragraph(
      "Rows by COPY, vseg.tail_seal_rows (" + std::to_string(seal) +
      ") a commit, each commit sealed and merged before the next one. Written: the rows of all "
      "graph segments that the index has had, of which vseg_segments is asked all the time; "
      "numbers of members that were never seen are segments that were missed, if any. The formula "
      "is expected_write_amplification of src/engine/compaction/merge_planner.h. WAL of table and "
      "index, full-page images included.");
  report.Print();
  PrintStats(bench, kTable, "of the last merge_factor");
  bench->session->Command(std::string("DROP TABLE ") + kTable);
}

}  // namespace vseg_bench
