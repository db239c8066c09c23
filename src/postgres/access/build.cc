// ambuild: reads the heap, builds graphs over as many rows as maintenance_work_mem holds, writes
// them as segments and publishes them together.
#include "postgres/access/callbacks.h"

#include <algorithm>
#include <memory>
#include <vector>

extern "C" {
#include "access/tableam.h"
#include "catalog/index.h"
}

#include "engine/segment/segment_builder.h"
#include "postgres/access/create_index.h"
#include "postgres/access/opclass.h"
#include "postgres/access/tid.h"
#include "postgres/boundary/guard.h"
#include "postgres/boundary/progress_monitor.h"
#include "postgres/segment/vector_spool.h"
#include "postgres/ingest/transaction_memtable.h"
#include "postgres/options/options.h"
#include "postgres/options/processors.h"
#include "postgres/statistics/index_statistics.h"
#include "postgres/append/append_chain.h"
#include "postgres/segment/bulk_writer.h"
#include "postgres/directory/chain_pages.h"
#include "postgres/directory/directory.h"
#include "postgres/pages/extents.h"
#include "postgres/directory/metapage.h"
#include "postgres/segment/segment_target.h"
#include "postgres/append/unranked_pages.h"

namespace vseg {
namespace pg {
namespace {

// Segments an index may have after a build; more would make every search slow, and the directory
// needs room for what comes later.
constexpr uint32_t kMaxBuiltSegments = 32;

struct BuildContext {
  Relation heap;
  Relation index;
  IndexInfo* info;
  IndexIdentity identity;
  MemoryContext memory;  // lives as long as the build
};

class IndexBuilder {
 public:
  explicit IndexBuilder(const BuildContext& context)
      : context_(context),
        start_(start_work()),
        rows_(builder_options(context)),
        writer_(context.index) {}

  // Returns the rows the heap has; `indexed` those that are in the index.
  double run() {
    report_phase(kPhaseLoading);
    const double heap_rows = call_pg([&] {
      return table_index_build_scan(context_.heap, context_.index, context_.info, true, true,
                                    add_tuple, this, nullptr);
    });
    seal();
    finish_segments();
    publish();
    append_unranked_rows();
    record();
    tell_about_memory();
    return heap_rows;
  }

  uint64_t indexed() const { return indexed_; }

 private:
  static SegmentBuilderOptions builder_options(const BuildContext& context) {
    const IndexIdentity& identity = context.identity;
    SegmentBuilderOptions options;
    options.dimensions = identity.dimensions;
    options.metric = identity.metric;
    options.graph.m = identity.m;
    options.graph.ef_construction = identity.ef_construction;
    options.graph.threads = maintenance_threads();
    options.memory = static_cast<size_t>(maintenance_work_mem) * 1024;
    return options;
  }

  static void add_tuple(Relation /*index*/, ItemPointer tid, Datum* values, bool* isnull,
                        bool /*alive*/, void* state) {
    auto* self = static_cast<IndexBuilder*>(state);
    if (isnull[0]) {
      run_cpp([&] { self->add_unranked({to_tid(tid), Unranked::kNull}); });
      return;
    }
    const IndexIdentity& identity = self->context_.identity;
    MemoryContext old = MemoryContextSwitchTo(self->tuple_context());
    const float* vector = index_form(values[0], identity.metric, identity.dimensions);
    run_cpp([&] {
      if (vector == nullptr) {
        self->add_unranked({to_tid(tid), Unranked::kNan});
      } else {
        self->add(to_tid(tid), vector);
      }
    });
    MemoryContextSwitchTo(old);
    MemoryContextReset(self->tuple_context_);
  }

  MemoryContext tuple_context() {
    if (tuple_context_ == nullptr) {
      tuple_context_ =
          AllocSetContextCreate(CurrentMemoryContext, "vseg build tuple", ALLOCSET_DEFAULT_SIZES);
    }
    return tuple_context_;
  }

  // Takes a row; when those in memory fill it, they become a segment first.
  void add(const Tid& tid, const float* vector) {
    if (segments_.size() >= kMaxBuiltSegments) {
      add_to_tail(tid, vector);
      return;
    }
    if (!rows_.add(tid, vector)) {
      seal();
      report_phase(kPhaseLoading);
      add(tid, vector);
      return;
    }
    if (spool_ == nullptr) {
      spool_ = std::make_unique<VectorSpool>(context_.identity.dimensions, context_.memory);
    }
    spool_->write(vector);
    indexed_++;
  }

  void add_unranked(const UnrankedEntry& row) {
    if (unranked_ == nullptr) {
      unranked_ = std::make_unique<RecordSpool>(sizeof(UnrankedEntry), context_.memory);
    }
    unranked_->write(&row);
    unranked_rows_++;
    indexed_++;
  }

  // Once the segments' extents have left the free space.
  void append_unranked_rows() {
    if (unranked_ == nullptr) {
      return;
    }
    unranked_->rewind();
    std::vector<UnrankedEntry> rows;
    for (uint64_t left = unranked_rows_; left > 0; left -= rows.size()) {
      rows.resize(std::min<uint64_t>(left, kUnrankedPerPage));
      for (UnrankedEntry& row : rows) {
        unranked_->read(&row);
      }
      size_t done = 0;
      call_pg([&] {
        append_unranked(context_.index, kUnrankedBlock, rows.data(), rows.size(), &done);
      });
    }
    unranked_->close();
    unranked_.reset();
  }

  // More rows than all segments may hold in this little memory: they are searchable, but without a
  // graph.
  void add_to_tail(const Tid& tid, const float* vector) {
    finish_segments();
    call_pg([&] {
      Metapage metapage;
      read_metapage(context_.index, &metapage);
      const AppendRow row = {tid, vector};
      size_t done = 0;
      append_rows(context_.index, metapage, own_append_chain(context_.index, metapage),
                  {&row, 1, &done, /*unseen=*/true});
    });
    tail_rows_++;
    indexed_++;
  }

  // Builds the graph over the rows in memory and writes it as a segment.
  void seal() {
    if (rows_.rows() == 0) {
      return;
    }
    report_phase(kPhaseGraph);
    report_total_rows(sealed_rows_ + rows_.rows());
    monitor_.set_rows_before(sealed_rows_);
    watch(monitor_, [&] { rows_.build(monitor_); });
    distances_ += rows_.work().distances;
    report_phase(kPhaseWriting);
    spool_->rewind();
    const uint32_t id = call_pg([&] { return reserve_member_id(context_.index); });
    segments_.push_back(write_segment_to(writer_, rows_, id, *spool_, monitor_));
    sealed_rows_ += rows_.rows();
    rows_.clear();
    spool_->close();
    spool_.reset();
  }

  // No more segments: their pages reach the disk, and their extents leave the free space.
  void finish_segments() {
    if (finished_) {
      return;
    }
    finished_ = true;
    writer_.finish();
    call_pg([&] {
      mark_extents(context_.index, 0, writer_.extents());
      leave_to_segment(context_.index, writer_.pages_of_first_extent());
    });
  }

  // The segments' pages are logged by now; one record makes them all part of the index.
  void publish() {
    if (segments_.empty()) {
      return;
    }
    call_pg([&] {
      GenericXLogState* record = GenericXLogStart(context_.index);
      Metapage* meta = nullptr;
      Buffer buffer = open_metapage_for_publish(context_.index, record, &meta);
      for (size_t i = 0; i < segments_.size(); i++) {
        publish_segment(meta, segments_[i]);
      }
      GenericXLogFinish(record);
      UnlockReleaseBuffer(buffer);
    });
  }

  // Segments bypass shared buffers, whose counters do not know of them.
  void record() {
    call_pg([&] {
      WorkCounts work = work_since(start_);
      work.rows = indexed_ - unranked_rows_;
      work.distances = distances_;
      work.page_bytes += writer_.bytes_written();
      record_build(context_.index, work);
    });
  }

  void tell_about_memory() {
    if (tail_rows_ > 0) {
      warn_about_tail();
    } else if (segments_.size() > 1) {
      notify_about_segments();
    }
  }

  void notify_about_segments() {
    const auto share = static_cast<double>(indexed_) / static_cast<double>(segments_[0].rows);
    const auto megabytes = static_cast<uint64_t>(share * maintenance_work_mem / 1024) + 1;
    call_pg([&] {
      ereport(NOTICE,
              (errmsg("vseg index \"%s\" has %zu segments, as maintenance_work_mem is too small "
                      "for one",
                      RelationGetRelationName(context_.index), segments_.size()),
               errdetail("Each segment adds to the time of every search."),
               errhint("Increase maintenance_work_mem to about %lluMB and REINDEX the index.",
                       static_cast<unsigned long long>(megabytes))));
    });
  }

  void warn_about_tail() {
    call_pg([&] {
      ereport(WARNING,
              (errmsg("maintenance_work_mem is too small to build graphs over all rows of vseg "
                      "index \"%s\"",
                      RelationGetRelationName(context_.index)),
               errdetail("%llu of %llu rows are searched one by one.",
                         static_cast<unsigned long long>(tail_rows_),
                         static_cast<unsigned long long>(indexed_)),
               errhint("Increase maintenance_work_mem and REINDEX the index.")));
    });
  }

  BuildContext context_;
  WorkStart start_;
  SegmentBuilder rows_;
  std::unique_ptr<VectorSpool> spool_;     // of the rows in rows_; null while there are none
  std::unique_ptr<RecordSpool> unranked_;  // null while there are none
  BulkWriter writer_;
  ProgressMonitor monitor_;
  std::vector<DirectoryEntry> segments_;
  MemoryContext tuple_context_ = nullptr;
  bool finished_ = false;
  uint64_t sealed_rows_ = 0;
  uint64_t tail_rows_ = 0;
  uint64_t unranked_rows_ = 0;
  uint64_t indexed_ = 0;
  uint64_t distances_ = 0;
};

IndexIdentity index_identity(Relation index) {
  const uint32_t dimensions = column_dimensions(index);
  if (dimensions == 0) {
    ereport(ERROR,
            (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("column does not have dimensions"),
             errhint("Declare the column with a number of dimensions, such as vector(768), or "
                     "index an expression with such a cast.")));
  }
  if (dimensions > kMaxDimensions) {
    ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                    errmsg("column cannot have more than %u dimensions for vseg index",
                           static_cast<unsigned>(kMaxDimensions))));
  }
  const GraphSettings settings = graph_settings(index);
  return {dimensions, opclass_support(index).metric, static_cast<uint16_t>(settings.m),
          static_cast<uint16_t>(settings.ef_construction)};
}

}  // namespace
}  // namespace pg
}  // namespace vseg

using namespace vseg::pg;  // NOLINT: callbacks are C functions

IndexBuildResult* vseg_build(Relation heap, Relation index, IndexInfo* info) {
  if (RelationGetNumberOfBlocks(index) != 0) {
    elog(ERROR, "index \"%s\" already contains data", RelationGetRelationName(index));
  }
  const BuildContext context = {heap, index, info, index_identity(index), CurrentMemoryContext};
  memtable_supersede(RelationGetRelid(index));
  create_empty_index(index, MAIN_FORKNUM, context.identity);

  auto* result = static_cast<IndexBuildResult*>(palloc0(sizeof(IndexBuildResult)));
  run_cpp([&] {
    IndexBuilder builder(context);
    result->heap_tuples = builder.run();
    result->index_tuples = static_cast<double>(builder.indexed());
  });
  return result;
}

void vseg_buildempty(Relation index) {
  create_empty_index(index, INIT_FORKNUM, index_identity(index));
}

char* vseg_buildphasename(int64 phase) {
  switch (phase) {
    case kPhaseInitializing:
      return const_cast<char*>("initializing");
    case kPhaseLoading:
      return const_cast<char*>("loading tuples");
    case kPhaseGraph:
      return const_cast<char*>("building graph");
    case kPhaseCompleting:
      return const_cast<char*>("completing graph");
    case kPhaseWriting:
      return const_cast<char*>("writing segment");
    default:
      return nullptr;
  }
}
