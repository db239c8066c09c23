// amcostestimate: what a search costs, so that the planner takes the index when it is faster.
//
// The engine says in microseconds what a search takes (engine/search/search_cost.h). The planner
// counts in units, and how long a unit lasts depends on the query: the planner's costs leave out
// that vectors are fetched from TOAST and that a distance takes longer the more dimensions it has,
// so that a row of 768 dimensions takes fifty times as long as they say. The unit is therefore
// found for each query, by what the index competes with: a sequential scan and a sort, of which
// both the costs and the time are known. What the costs leave out, and what settings make dearer,
// is then the same on both sides.
#include "postgres/access/callbacks.h"

#include <algorithm>
#include <cmath>
#include <ctime>

extern "C" {
#include "access/genam.h"
#include "access/heaptoast.h"
#include "access/htup_details.h"
#include "catalog/pg_attribute.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "utils/float.h"
#include "utils/lsyscache.h"
#include "utils/selfuncs.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
}

#include "engine/format/append_format.h"
#include "engine/search/search_cost.h"
#include "engine/append/append_reader.h"
#include "postgres/boundary/guard.h"
#include "postgres/options/options.h"
#include "postgres/directory/metapage.h"
#include "postgres/pages/pages.h"

namespace vseg {
namespace pg {
namespace {

// What PostgreSQL takes for the rows of a table in memory, in microseconds; measured by
// `bench/run plans`, whose figures are in docs/measurements.md.
constexpr double kStart = 5;
constexpr double kHeapPage = 0.3;
constexpr double kHeapRow = 0.015;
constexpr double kFetchedRow = 0.3;  // that an index scan returns, from a page of its own
constexpr double kOperator = 0.015;  // what cpu_operator_cost stands for
constexpr double kDistance = 0.06;   // the sort's comparison included
constexpr double kDistancePerDimension = 0.0006;
constexpr double kToastedValue = 1.4;
constexpr double kToastedChunk = 0.4;
constexpr double kComparison = 0.025;  // of a sort of all rows

// An index scan fetches rows from all over the table: once that is larger than the processor's
// cache, out of line vectors take so many times as long as in the order of their pages.
constexpr double kScattered = 2.5;
constexpr double kCache = 64 * 1024 * 1024;  // bytes

// Rows that a query is taken to ask for whose LIMIT is a parameter. The planner takes it to ask for
// a tenth of the table; but how many neighbours anybody wants does not grow with the table.
constexpr double kRowsOfUnknownLimit = 100;

// A filter may have to do with the distance, and the rows that pass it may be the farthest: of so
// many scans, one is taken to go to the end for them. (Nothing in the statistics tells which.)
constexpr double kScansToTheEnd = 0.01;

struct PlannedIndex {
  IndexSize size;
  double pages;  // of segments
};

// Reads the metapage, and two pages of each chain and run. A damaged one is the error that it would
// be in a search. REQUIRES: a snapshot, so that space is not reused meanwhile.
void read_index(Relation index, PlannedIndex* planned) {
  Metapage metapage;
  read_metapage(index, &metapage);
  planned->size.dimensions = metapage.dimensions;
  planned->size.metric = metapage.metric;
  planned->size.m = metapage.m;
  planned->pages = 0;
  run_cpp([&] {
    const uint16_t clock = append_clock(time(nullptr));
    BufferPages pages(index);
    for (uint32_t i = 0; i < metapage.directory_count; i++) {
      const DirectoryEntry& entry = metapage.directory[i];
      const bool has_graph = entry.kind == MemberKind::kGraphSegment;
      const uint64_t rows =
          has_graph ? entry.rows : count_chain_rows(pages, entry, metapage.dimensions, clock).rows;
      planned->size.add({has_graph, rows, entry.dead_rows});
      planned->pages += static_cast<double>(entry.pages);
    }
    pages.release();
  });
}

void read_index(Oid oid, PlannedIndex* planned) {
  // The planner's callers have a snapshot, but nothing says that they must.
  const bool has_snapshot = ActiveSnapshotSet();
  if (!has_snapshot) {
    PushActiveSnapshot(GetTransactionSnapshot());
  }
  Relation index = index_open(oid, NoLock);
  read_index(index, planned);
  index_close(index, NoLock);
  if (!has_snapshot) {
    PopActiveSnapshot();
  }
}

// The column of vectors; null where the index is over none.
Var* indexed_column(const IndexPath& path) {
  Var* column = nullptr;
  List* vars = pull_var_clause(static_cast<Node*>(linitial(path.indexorderbys)), 0);
  ListCell* cell;
  foreach (cell, vars) {
    auto* var = static_cast<Var*>(lfirst(cell));
    if (var->varno == static_cast<int>(path.indexinfo->rel->relid) && var->varlevelsup == 0) {
      column = var;
    }
  }
  list_free(vars);
  return column;
}

// Whether a row's vector, of so many bytes, is out of line: by what ANALYZE found, or else by the
// rules of TOAST. (Floats do not compress.)
bool is_toasted(Oid table, AttrNumber column, double bytes) {
  const int32 width = get_attavgwidth(table, column);
  if (width > 0) {
    return width < bytes / 2;
  }
  HeapTuple tuple = SearchSysCache2(ATTNUM, ObjectIdGetDatum(table), Int16GetDatum(column));
  if (!HeapTupleIsValid(tuple)) {
    return false;
  }
  const char storage = reinterpret_cast<Form_pg_attribute>(GETSTRUCT(tuple))->attstorage;
  ReleaseSysCache(tuple);
  switch (storage) {
    case TYPSTORAGE_EXTERNAL:
    case TYPSTORAGE_EXTENDED:
      return bytes > TOAST_TUPLE_TARGET;
    case TYPSTORAGE_MAIN:
      return bytes > TOAST_TUPLE_TARGET_MAIN;
    default:
      return false;
  }
}

// Microseconds to fetch a row's vector and compare it with the query, as the executor does for each
// row that it sorts or returns.
struct DistanceTime {
  double in_order;   // of the table's pages
  double scattered;  // in the order of the index
};

DistanceTime distance_time(PlannerInfo* root, const IndexPath& path, uint32_t dimensions) {
  const double bytes = dimensions * sizeof(float);
  const double time = kDistance + dimensions * kDistancePerDimension;
  const Var* column = indexed_column(path);
  if (column == nullptr || column->varattno <= 0) {
    return {time, time};
  }
  const Oid table = planner_rt_fetch(path.indexinfo->rel->relid, root)->relid;
  if (!is_toasted(table, column->varattno, bytes)) {
    return {time, time};
  }
  const double fetch = kToastedValue + std::ceil(bytes / TOAST_MAX_CHUNK_SIZE) * kToastedChunk;
  const bool in_cache = path.indexinfo->rel->tuples * bytes < kCache;
  return {time + fetch, time + fetch * (in_cache ? 1 : kScattered)};
}

// A way to the rows of the query: what the planner says that it costs, and how long it takes.
struct Way {
  Cost cost;
  double microseconds;
};

bool has_unknown_limit(const PlannerInfo& root) {
  const Node* count = root.parse->limitCount;
  return count != nullptr && !IsA(count, Const);
}

// Of `rows` rows, beyond the comparison of each with the last of the few that are wanted.
double sort_time(const PlannerInfo& root, double rows) {
  const bool few =
      has_unknown_limit(root) || (root.limit_tuples > 0 && root.limit_tuples < rows / 2);
  return few ? 0 : rows * std::log2(std::max(rows, 2.0)) * kComparison;
}

// The sequential scan with a sort, of all rows or of the limit's, as the planner costs them,
// whether it may use them or not.
Way exact_search(PlannerInfo* root, const IndexPath& path, double distance_time) {
  RelOptInfo* table = path.indexinfo->rel;
  Path scan = {};
  scan.type = T_Path;
  scan.pathtype = T_SeqScan;
  scan.parent = table;
  scan.pathtarget = table->reltarget;
  scan.param_info = path.path.param_info;
  cost_seqscan(&scan, root, table, scan.param_info);
  QualCost distance;
  cost_qual_eval_node(&distance, static_cast<Node*>(linitial(path.indexorderbys)), root);
  const double rows = path.path.rows;
  Path sort = {};
  cost_sort(&sort, root, NIL,
            scan.total_cost - (enable_seqscan ? 0 : disable_cost) + rows * distance.per_tuple, rows,
            table->reltarget->width, 0, work_mem, root->limit_tuples);
  const double tuples = std::max(table->tuples, rows);
  const double operators = table->baserestrictcost.per_tuple / std::max(cpu_operator_cost, 1e-9);
  return {sort.total_cost - (enable_sort ? 0 : disable_cost),
          kStart + table->pages * kHeapPage + tuples * (kHeapRow + operators * kOperator) +
              rows * distance_time + sort_time(*root, rows)};
}

// Up to which point of a path the query is taken to go.
struct Demand {
  double planned;   // share of the rows at which the planner evaluates the path
  double expected;  // share of them that will be asked for
};

// In a join the limit is of its rows, not of this table's: all are taken to be asked for, so that
// the line of costs is the same wherever the planner looks at it.
Demand demand(const PlannerInfo& root, double rows) {
  auto share = [&](double count) { return std::clamp(count / std::max(rows, 1.0), 1e-9, 1.0); };
  if (bms_membership(root.all_baserels) != BMS_SINGLETON) {
    return {1, 1};
  }
  if (root.limit_tuples > 0) {
    return {share(root.limit_tuples), share(root.limit_tuples)};
  }
  if (root.tuple_fraction <= 0) {
    return {1, 1};
  }
  if (root.tuple_fraction >= 1) {
    return {share(root.tuple_fraction), share(root.tuple_fraction)};
  }
  return {root.tuple_fraction, has_unknown_limit(root)
                                   ? std::min(root.tuple_fraction, share(kRowsOfUnknownLimit))
                                   : root.tuple_fraction};
}

bool is_filtered(const IndexPath& path) {
  return path.indexinfo->rel->baserestrictinfo != NIL || path.path.param_info != nullptr;
}

// Pages of a search that are not in memory, as far as it is known to be too small.
double pages_read(const SearchCost& search, const PlannedIndex& index) {
  return search.pages * std::max(0.0, 1 - effective_cache_size / std::max(index.pages, 1.0));
}

}  // namespace
}  // namespace pg
}  // namespace vseg

using namespace vseg::pg;  // NOLINT: callbacks are C functions

// The signature is PostgreSQL's.
// NOLINTNEXTLINE(readability-function-size)
void vseg_costestimate(PlannerInfo* root, IndexPath* path, double loop_count, Cost* startup,
                       Cost* total, Selectivity* selectivity, double* correlation, double* pages) {
  // Without ORDER BY there is nothing the index could find.
  if (path->indexorderbys == NIL) {
    *startup = *total = get_float8_infinity();
    *selectivity = 0;
    *correlation = 0;
    *pages = 0;
    return;
  }
  GenericCosts costs = {};
  genericcostestimate(root, path, loop_count, &costs);
  *selectivity = costs.indexSelectivity;
  *correlation = 0;
  // Who forbids index scans gets round an index that cannot be read.
  if (!enable_indexscan) {
    *startup = costs.indexStartupCost;
    *total = costs.indexTotalCost;
    *pages = costs.numIndexPages;
    return;
  }

  PlannedIndex index;
  read_index(path->indexinfo->indexoid, &index);
  const double rows = index.size.live_rows();
  const DistanceTime distance = distance_time(root, *path, index.size.dimensions);
  const Way other = exact_search(root, *path, distance.in_order);
  const double unit = other.cost / other.microseconds;
  const Demand demanded = demand(*root, path->path.rows);
  const uint32_t ef = scan_settings().ef_search;
  auto cost_of = [&](double share) {
    const vseg::SearchCost search = search_cost(index.size, ef, share * rows);
    const double executor = share * (rows * kFetchedRow + path->path.rows * distance.scattered);
    return (search.microseconds + executor) * unit +
           pages_read(search, index) * costs.spc_random_page_cost;
  };
  // A search takes a while for its first rows and is not linear after them. The planner goes along
  // a straight line from startup to total: it is laid through the point up to which the query goes.
  *startup = cost_of(0);
  const double farther = is_filtered(*path) ? kScansToTheEnd : 0;
  const double cost = (1 - farther) * cost_of(demanded.expected) + farther * cost_of(1);
  *total = *startup + (cost - *startup) / demanded.planned;
  *pages = search_cost(index.size, ef, rows).pages;
}
