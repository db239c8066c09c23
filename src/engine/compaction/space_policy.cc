#include "engine/compaction/space_policy.h"

#include <algorithm>

#include "engine/common/engine_only.h"

namespace vseg {
namespace {

// A clock that was set back makes nothing young for long.
bool has_waited(const DisplacedSpace& space, const WaitingSpace& waiting) {
  return waiting.now < space.displaced_at || waiting.now - space.displaced_at >= waiting.delay;
}

size_t old_members(const std::vector<DisplacedSpace>& removable, const WaitingSpace& space) {
  constexpr uint64_t kFewPages = 1024;
  uint64_t pages = 0;
  size_t members = 0;
  while (members < removable.size() && has_waited(removable[members], space)) {
    pages += removable[members++].pages;
  }
  const bool enough = space.delay == 0 || pages >= space.live_pages / 5 + kFewPages;
  return enough ? members : 0;
}

size_t pressing_members(const std::vector<DisplacedSpace>& removable, const WaitingSpace& space) {
  const uint64_t most = space.live_pages + kFreelyWaitingPages;
  if (space.waiting_pages <= most) {
    return 0;
  }
  uint64_t left = space.waiting_pages;
  size_t members = 0;
  while (members < removable.size() && left > most / 2) {
    left -= std::min<uint64_t>(left, removable[members++].pages);
  }
  return members;
}

}  // namespace

size_t members_to_reuse(const std::vector<DisplacedSpace>& removable, const WaitingSpace& space) {
  return std::max(old_members(removable, space), pressing_members(removable, space));
}

bool merges_must_wait(uint64_t live_pages, uint64_t waiting_pages) {
  return waiting_pages > 2 * live_pages + kFreelyWaitingPages;
}

}  // namespace vseg
