// When displaced space is reused, and when merges wait for it: pure functions of how much there is.
#ifndef VSEG_ENGINE_COMPACTION_SPACE_POLICY_H_
#define VSEG_ENGINE_COMPACTION_SPACE_POLICY_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/format/metapage_format.h"

namespace vseg {

// Besides a share of the index, jobs let so many pages wait: 1 GB.
constexpr uint64_t kFreelyWaitingPages = uint64_t{1} << 17;

struct WaitingSpace {
  uint64_t live_pages;     // of the segments that the directory lists
  uint64_t waiting_pages;  // of all that is displaced
  uint32_t now;            // seconds since 1970
  uint32_t delay;          // seconds that displaced space is left alone
};

// How many of `removable`, displaced space that nobody on this server can read any more, oldest
// first, a seal or merge is to reuse. Each reuse may cancel queries on standbys that are older than
// what is reused was replaced, so a job takes new space first: it reuses what has waited for the
// delay, and that only once it is a fifth of the index, as VACUUM is due when a fifth of a table is
// dead. Where more waits than the index has pages, and 1 GB, it reuses the oldest without regard to
// their age, until half of that is left.
size_t members_to_reuse(const std::vector<DisplacedSpace>& removable, const WaitingSpace& space);

// Whether so much waits, twice the index and 1 GB, that only merges which the directory needs are
// done: an old transaction keeps the space of all that is replaced.
bool merges_must_wait(uint64_t live_pages, uint64_t waiting_pages);

}  // namespace vseg

#endif  // VSEG_ENGINE_COMPACTION_SPACE_POLICY_H_
