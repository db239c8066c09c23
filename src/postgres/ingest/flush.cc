// See src/postgres/README.md for the protocol.
#include "postgres/ingest/flush.h"

#include <algorithm>

#include "postgres/ingest/back_pressure.h"
#include "postgres/merge/tail.h"
#include "postgres/options/options.h"
#include "postgres/statistics/index_statistics.h"
#include "postgres/directory/directory.h"

namespace vseg {
namespace pg {
namespace {

// Rows of the transaction's next run: as many as a seal takes, then twice as many, three times, up
// to what a worker seals at once. Until it ends, what its sealed runs displaced keeps a place in
// the metapage each: short runs of a long load would fill it.
uint64_t run_rows(uint32_t listed) {
  const auto seal = static_cast<uint64_t>(tail_seal_rows());
  const auto most = std::max(seal, static_cast<uint64_t>(tail_slowdown_rows()));
  return std::min(seal * std::max(listed, 1U), most);
}

// Whether the run takes more rows: it is listed, and not as long as it shall be.
bool continues(const Metapage& metapage, const OwnRun& run) {
  const DirectoryEntry* end = metapage.directory + metapage.directory_count;
  return run.chain.id != 0 && run.incarnation == metapage.incarnation &&
         run.rows < run_rows(run.listed) &&
         std::any_of(metapage.directory, end, [&](const DirectoryEntry& entry) {
           return entry.id == run.chain.id && entry.kind == MemberKind::kFlatRun;
         });
}

// False where PUBLISH is taken or the directory has no room: there are append chains.
bool begin_run(Relation index, const Metapage& metapage, OwnRun* run) {
  if (!try_lock_index(index, IndexLock::kPublish)) {
    return false;
  }
  run->incarnation = metapage.incarnation;
  run->rows = 0;
  const bool listed = list_flat_run(index, &run->chain);
  unlock_index(index, IndexLock::kPublish);
  run->listed += listed ? 1 : 0;
  return listed;
}

// Runs are worth listing only where they will be sealed.
ChainRef choose_chain(Relation index, const Metapage& metapage, bool bulk, OwnRun* run) {
  if (continues(metapage, *run)) {
    return run->chain;
  }
  run->chain = ChainRef{};
  if (bulk && tail_seal_rows() > 0 && can_be_maintained(index) && begin_run(index, metapage, run)) {
    return run->chain;
  }
  return own_append_chain(index, metapage);
}

}  // namespace

void flush_rows(Relation index, const Metapage& metapage, const RowsToFlush& rows, OwnRun* run) {
  const WorkStart start = start_work();
  const ChainRef chain = choose_chain(index, metapage, rows.bulk, run);
  const Appended appended = append_rows(index, metapage, chain, rows.append);
  WorkCounts work = work_since(start);
  work.rows = rows.append.count;
  count_work(index, WorkCause::kFlush, work);
  if (appended.chain.id == run->chain.id) {
    run->rows = appended.rows;
  } else {
    run->chain = ChainRef{};  // a sealer has closed it
  }
  rows_appended(index, appended, rows.append.count);
}

}  // namespace pg
}  // namespace vseg
