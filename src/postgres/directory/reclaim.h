// Space that is no longer used: from displaced to free.
#ifndef VSEG_POSTGRES_DIRECTORY_RECLAIM_H_
#define VSEG_POSTGRES_DIRECTORY_RECLAIM_H_

#include "postgres/boundary/postgres_headers.h"

namespace vseg {
namespace pg {

// Notes for displaced space that is not stamped yet which transactions may still read it: all that
// began before now. REQUIRES: PUBLISH.
void stamp_displaced(Relation index);

// Stamps what is unstamped, then frees the extents of displaced space that no scan can read any
// more, here or on a standby, as far as it is due: jobs take new space first, and reuse what has
// waited for vseg.reuse_delay (engine/compaction/space_policy.h). Does nothing where somebody has
// PUBLISH.
void drain_if_free(Relation index);

// The same; and where nobody else is sealing or merging, frees also extents that are taken and that
// nothing leads to: what errors and crashes left behind. REQUIRES: that the caller has written
// nothing that it has not published.
void reclaim_if_free(Relation index);

// The same, for VACUUM and vseg_compact: frees all that no scan can read any more, a batch of it;
// whether there is more, for which it is to be called again once others have had PUBLISH. REQUIRES:
// PUBLISH, and the same.
bool reclaim_space(Relation index);

}  // namespace pg
}  // namespace vseg

#endif  // VSEG_POSTGRES_DIRECTORY_RECLAIM_H_
