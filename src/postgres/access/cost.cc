// amcostestimate: what a search costs, so that the planner takes the index when it is cheaper.
#include "postgres/access/callbacks.h"

#include <algorithm>
#include <cmath>

extern "C" {
#include "access/genam.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "utils/float.h"
#include "utils/selfuncs.h"
}

#include "engine/format/segment_format.h"
#include "postgres/boundary/guard.h"
#include "postgres/options/options.h"
#include "postgres/storage/metapage.h"

namespace vseg {
namespace pg {
namespace {

// Distances a search of a graph of `rows` rows computes before its first row: every one of the
// about ef_search nodes it looks at has up to `degree` neighbours, of which about half are new;
// reaching them takes a few steps more in a larger graph. Where nodes have codes it reads less,
// which this leaves out: it errs towards a sequential scan.
double graph_distances(double rows, uint32_t degree, uint32_t ef) {
  const double hops = ef + std::log2(std::max(rows, 2.0));
  return std::min(rows, hops * degree / 2);
}

// A search expects the graph in memory: a random page that is there costs about 0.6 us, against
// the 10 us or so that a unit of cost, a page read in sequence, stands for.
constexpr double kWarmPage = 0.0125;

// Pages every search reads before it looks at a node: metapage, and header and entry points of each
// member. They make a sequential scan of a tiny table the cheaper way.
constexpr double kFixedPages = 2;
constexpr double kPagesPerMember = 3;

struct SearchCost {
  double cold_pages = kFixedPages;
  double distances = 0;  // distance computations before the first row
  double random_pages = 0;
  double scanned_pages = 0;
  double rows = 0;
};

void add_member(const DirectoryEntry& entry, const Metapage& metapage, uint32_t ef,
                SearchCost* cost) {
  const double distances =
      graph_distances(static_cast<double>(entry.rows), layer0_degree(metapage.m), ef);
  cost->cold_pages += kPagesPerMember;
  cost->distances += distances;
  cost->random_pages += std::min(distances, static_cast<double>(entry.pages));
  cost->rows += static_cast<double>(entry.rows - std::min(entry.rows, entry.dead_rows));
}

// What the segments cost, and, for what the directory does not tell, the append tail: as if all
// rows the index has beyond its segments were compared, which errs towards a sequential scan.
SearchCost search_cost(Relation index, double index_rows, double index_pages) {
  Metapage metapage;
  read_metapage(index, &metapage);
  SearchCost cost;
  double segment_pages = 0;
  for (uint32_t i = 0; i < metapage.directory_count; i++) {
    if (metapage.directory[i].kind == MemberKind::kGraphSegment) {
      add_member(metapage.directory[i], metapage, scan_settings().ef_search, &cost);
      segment_pages += static_cast<double>(metapage.directory[i].pages);
    }
  }
  const double tail_rows = std::max(0.0, index_rows - cost.rows);
  cost.distances += tail_rows;
  if (tail_rows > 0) {
    cost.scanned_pages = std::max(0.0, index_pages - segment_pages);
  }
  return cost;
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

  Relation index = index_open(path->indexinfo->indexoid, NoLock);
  const SearchCost search = search_cost(index, path->indexinfo->tuples, path->indexinfo->pages);
  index_close(index, NoLock);

  const double warm_page = costs.spc_random_page_cost * kWarmPage;
  *startup = search.cold_pages * costs.spc_random_page_cost + search.random_pages * warm_page +
             search.scanned_pages * seq_page_cost + search.distances * 2 * cpu_operator_cost;
  // Every further row costs about its share of a search that returned ef_search rows.
  const double rows = std::max(1.0, path->indexinfo->tuples);
  const double per_row = *startup / scan_settings().ef_search + warm_page + cpu_index_tuple_cost;
  *total = *startup + rows * per_row;
  *selectivity = costs.indexSelectivity;
  *correlation = 0;
  *pages = search.cold_pages + search.random_pages + search.scanned_pages;
}
