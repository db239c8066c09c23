// ambuild: reads the heap, builds graphs over as many rows as maintenance_work_mem holds, writes
// them as segments and publishes them together.
#include "postgres/access/callbacks.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

extern "C" {
#include "access/tableam.h"
#include "catalog/index.h"
#include "commands/progress.h"
#include "optimizer/optimizer.h"
#include "pgstat.h"
#include "storage/buffile.h"
}

#include "engine/common/errors.h"
#include "engine/graph/graph_builder.h"
#include "engine/quantizer/edge_codes.h"
#include "engine/quantizer/rotation.h"
#include "engine/segment/segment_writer.h"
#include "postgres/access/opclass.h"
#include "postgres/access/tid.h"
#include "postgres/boundary/guard.h"
#include "postgres/memtable/transaction_memtable.h"
#include "postgres/options/options.h"
#include "postgres/storage/append_chain.h"
#include "postgres/storage/bulk_writer.h"
#include "postgres/storage/extents.h"
#include "postgres/storage/metapage.h"
#include "postgres/storage/pages.h"

namespace vseg {
namespace pg {
namespace {

// Phases in pg_stat_progress_create_index, as ambuildphasename names them.
enum BuildPhase : int64 {
  kPhaseInitializing = PROGRESS_CREATEIDX_SUBPHASE_INITIALIZE,
  kPhaseLoading,
  kPhaseGraph,
  kPhaseCompleting,
  kPhaseWriting,
};

// Segments an index may have after a build; more would make every search slow, and the directory
// needs room for what comes later.
constexpr uint32_t kMaxBuiltSegments = 32;

// Rows by which to judge whether bytes may stand for floats while the graph is built.
constexpr uint32_t kRowsToJudge = 10000;

// Rows per thread below which another thread is not worth its start.
constexpr uint32_t kRowsPerThread = 1000;

// The rows' exact vectors in a temporary file, while memory holds what the graph is built over:
// rows rotated and narrowed to bytes.
class VectorSpool {
 public:
  // `context` lives as long as the spool: it is created in the middle of a row whose own memory is
  // freed before the next one.
  VectorSpool(uint32_t dimensions, MemoryContext context)
      : bytes_(dimensions * sizeof(float)), file_(call_pg([&] { return create(context); })) {}

  void write(const float* vector) {
    call_pg([&] { BufFileWrite(file_, const_cast<float*>(vector), bytes_); });
  }

  void rewind() {
    call_pg([&] {
      if (BufFileSeek(file_, 0, 0, SEEK_SET) != 0) {
        ereport(ERROR, (errcode_for_file_access(), errmsg("could not rewind temporary file")));
      }
    });
  }

  void read(float* vector) {
    call_pg([&] {
      if (BufFileRead(file_, vector, bytes_) != bytes_) {
        ereport(ERROR, (errcode_for_file_access(), errmsg("could not read temporary file")));
      }
    });
  }

  // Also done by PostgreSQL when an error ends the statement.
  void close() {
    call_pg([&] { BufFileClose(file_); });
  }

 private:
  static BufFile* create(MemoryContext context) {
    MemoryContext old = MemoryContextSwitchTo(context);
    BufFile* file = BufFileCreateTemp(false);
    MemoryContextSwitchTo(old);
    return file;
  }

  size_t bytes_;
  BufFile* file_;
};

// The exact vectors in ordinal order, read back from the spool.
class SpooledVectors final : public ExactVectors {
 public:
  SpooledVectors(VectorSpool* spool, uint32_t dimensions) : spool_(spool), vector_(dimensions) {}

  const float* next() override {
    spool_->read(vector_.data());
    return vector_.data();
  }

 private:
  VectorSpool* spool_;
  std::vector<float> vector_;
};

// Reports progress and lets PostgreSQL interrupt a graph build.
class ProgressMonitor final : public BuildMonitor {
 public:
  explicit ProgressMonitor(int64 rows_before) : rows_before_(rows_before) {}

  void inserted(uint32_t rows) override {
    pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_DONE, rows_before_ + rows);
  }

  void completing() override {
    pgstat_progress_update_param(PROGRESS_CREATEIDX_SUBPHASE, kPhaseCompleting);
  }

  bool cancelled() override {
    if (!interrupted_) {
      try {
        call_pg([] { CHECK_FOR_INTERRUPTS(); });
      } catch (const PgError&) {
        interrupted_ = true;  // resumed by the builder once the threads are gone
      }
    }
    return interrupted_;
  }

  bool interrupted() const { return interrupted_; }

 private:
  int64 rows_before_;
  bool interrupted_ = false;
};

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
        options_(graph_options(context)),
        memory_(static_cast<size_t>(maintenance_work_mem) * 1024),
        rotation_(make_rotation(context.identity)),
        rows_(context.identity.metric,
              rotation_ ? rotation_->padded() : context.identity.dimensions),
        rotated_(rows_.dimensions()),
        writer_(context.index) {}

  // Returns the rows the heap has; `indexed` those that are in the index.
  double run() {
    set_phase(kPhaseLoading);
    const double heap_rows = call_pg([&] {
      return table_index_build_scan(context_.heap, context_.index, context_.info, true, true,
                                    add_tuple, this, nullptr);
    });
    seal();
    finish_segments();
    publish();
    warn_about_tail();
    return heap_rows;
  }

  uint64_t indexed() const { return indexed_; }

 private:
  static GraphOptions graph_options(const BuildContext& context) {
    GraphOptions options;
    options.m = context.identity.m;
    options.ef_construction = context.identity.ef_construction;
    options.threads = static_cast<uint32_t>(max_parallel_maintenance_workers) + 1;
    return options;
  }

  // Rows are rotated where their neighbours' codes will be: distances stay as they are.
  static std::optional<Rotation> make_rotation(const IndexIdentity& identity) {
    if (!has_edge_codes(identity.metric)) {
      return std::nullopt;
    }
    return Rotation(identity.dimensions);
  }

  static void add_tuple(Relation /*index*/, ItemPointer tid, Datum* values, bool* isnull,
                        bool /*alive*/, void* state) {
    auto* self = static_cast<IndexBuilder*>(state);
    if (isnull[0]) {
      return;
    }
    const IndexIdentity& identity = self->context_.identity;
    MemoryContext old = MemoryContextSwitchTo(self->tuple_context());
    const float* vector = index_form(values[0], identity.metric, identity.dimensions);
    if (vector != nullptr) {
      run_cpp([&] { self->add(to_tid(tid), vector); });
    }
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

  size_t row_bytes(bool narrowed) const {
    return RowStore::bytes_per_row(rows_.metric(), rows_.dimensions(), narrowed) +
           graph_bytes_per_row(options_) + sizeof(Tid);
  }

  // Half of the memory is the rows' in any case: what the build needs however few they are may be
  // all of a small maintenance_work_mem, and segments of a row each would help nobody.
  bool fits_another(bool narrowed) const {
    const size_t fixed = std::min(graph_fixed_bytes(options_), memory_ / 2);
    return (static_cast<size_t>(rows_.rows()) + 1) * row_bytes(narrowed) + fixed <= memory_;
  }

  // Bytes instead of floats: where floats do not fit, and where they gain nothing.
  bool should_narrow() const {
    return !fits_another(false) || (rows_.rows() == kRowsToJudge && rows_.narrows_well());
  }

  // Takes a row; narrows the rows in memory, and then seals them as a segment, when they fill it.
  void add(const Tid& tid, const float* vector) {
    if (segments_.size() >= kMaxBuiltSegments) {
      add_to_tail(tid, vector);
      return;
    }
    if (!rows_.narrowed() && rows_.rows() > 0 && should_narrow()) {
      rows_.narrow();
    }
    if (rows_.narrowed() && !fits_another(true)) {
      seal();
      set_phase(kPhaseLoading);
      if (segments_.size() >= kMaxBuiltSegments) {
        add_to_tail(tid, vector);
        return;
      }
    }
    if (spool_ == nullptr) {
      spool_ = std::make_unique<VectorSpool>(context_.identity.dimensions, context_.memory);
    }
    spool_->write(vector);
    if (rotation_) {
      rotation_->apply(vector, rotated_.data());
      vector = rotated_.data();
    }
    rows_.append(vector);
    tids_.push_back(tid);
    indexed_++;
  }

  // More rows than all segments may hold in this little memory: they are searchable, but exactly.
  void add_to_tail(const Tid& tid, const float* vector) {
    finish_segments();
    call_pg([&] {
      Metapage metapage;
      read_metapage(context_.index, &metapage);
      const AppendRow row = {tid, vector};
      append_rows(context_.index, metapage, &row, 1);
    });
    tail_rows_++;
    indexed_++;
  }

  // Builds the graph over the rows in memory and writes it as a segment.
  void seal() {
    if (rows_.rows() == 0) {
      return;
    }
    set_phase(kPhaseGraph);
    pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_TOTAL,
                                 static_cast<int64>(sealed_rows_ + rows_.rows()));
    const Graph graph = build();
    set_phase(kPhaseWriting);
    write(graph);
    sealed_rows_ += rows_.rows();
    rows_.clear();
    tids_.clear();
    spool_->close();
    spool_.reset();
  }

  // Runs engine work that asks a monitor whether to go on. An interrupt has left its error with
  // PostgreSQL; it is resumed once the work's threads are gone.
  template <typename Work>
  void watch(Work&& work) {
    ProgressMonitor monitor(static_cast<int64>(sealed_rows_));
    try {
      work(monitor);
      if (!monitor.interrupted()) {
        return;
      }
    } catch (const CancelledError&) {
    }
    throw PgError();
  }

  uint32_t threads() const {
    return std::max(1U, std::min(options_.threads, rows_.rows() / kRowsPerThread));
  }

  Graph build() {
    GraphOptions options = options_;
    options.threads = threads();
    Graph graph;
    watch([&](BuildMonitor& monitor) { graph = build_graph(rows_, options, monitor); });
    return graph;
  }

  void write(const Graph& graph) {
    SegmentShape shape{};
    shape.id = kFirstSegmentId + static_cast<uint32_t>(segments_.size());
    shape.dimensions = context_.identity.dimensions;
    shape.metric = context_.identity.metric;
    shape.m = context_.identity.m;
    shape.ef_construction = context_.identity.ef_construction;
    shape.rows = graph.rows;
    shape.entry_points = static_cast<uint32_t>(graph.entry_points.size());
    const SegmentHeader header = plan_segment(shape);
    const std::vector<uint32_t> extents = writer_.allocate(header.extents);
    spool_->rewind();
    SpooledVectors vectors(spool_.get(), shape.dimensions);
    writer_.begin_segment(extents, shape.id);
    watch([&](BuildMonitor& monitor) {
      write_segment({header, extents, graph, tids_, vectors, rotation_ ? &rows_ : nullptr,
                     threads(), &monitor},
                    writer_);
    });
    writer_.end_segment();

    DirectoryEntry entry{};
    entry.id = shape.id;
    entry.kind = MemberKind::kGraphSegment;
    entry.header_block = extents[0] * kExtentPages;
    entry.extents = header.extents;
    entry.rows = header.rows;
    entry.pages = header.pages;
    segments_.push_back(entry);
  }

  // No more segments: their pages reach the disk, and their extents leave the free space.
  void finish_segments() {
    if (finished_) {
      return;
    }
    finished_ = true;
    writer_.finish();
    call_pg([&] { mark_extents(context_.index, 0, writer_.extents()); });
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
        DirectoryEntry* entry = &meta->directory[meta->directory_count++];
        *entry = segments_[i];
        entry->born = meta->generation;
        meta->next_id = entry->id + 1;
      }
      GenericXLogFinish(record);
      UnlockReleaseBuffer(buffer);
    });
  }

  void warn_about_tail() {
    if (tail_rows_ == 0) {
      return;
    }
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

  void set_phase(BuildPhase phase) {
    pgstat_progress_update_param(PROGRESS_CREATEIDX_SUBPHASE, phase);
  }

  BuildContext context_;
  GraphOptions options_;
  size_t memory_;
  std::optional<Rotation> rotation_;  // none: node blocks will have no codes
  RowStore rows_;                     // rotated, if there is a rotation
  std::vector<float> rotated_;        // the row being added
  std::vector<Tid> tids_;
  std::unique_ptr<VectorSpool> spool_;  // of the rows in rows_; null while there are none
  BulkWriter writer_;
  std::vector<DirectoryEntry> segments_;
  MemoryContext tuple_context_ = nullptr;
  bool finished_ = false;
  uint64_t sealed_rows_ = 0;
  uint64_t tail_rows_ = 0;
  uint64_t indexed_ = 0;
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
