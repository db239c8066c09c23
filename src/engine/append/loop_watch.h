// Notices that a list of pages runs in a loop.
#ifndef VSEG_ENGINE_APPEND_LOOP_WATCH_H_
#define VSEG_ENGINE_APPEND_LOOP_WATCH_H_

#include <cstdint>

#include "engine/common/types.h"

namespace vseg {

// Brent's algorithm: a walk in a loop comes back to the block remembered at the last power of two.
class LoopWatch {
 public:
  // Whether the walk has come to `block` before. To be asked of every block in turn.
  bool has_met(BlockNo block) {
    if (block == remembered_) {
      return true;
    }
    met_++;
    if ((met_ & (met_ - 1)) == 0) {
      remembered_ = block;
    }
    return false;
  }

 private:
  BlockNo remembered_ = kNoBlock;
  uint64_t met_ = 0;
};

}  // namespace vseg

#endif  // VSEG_ENGINE_APPEND_LOOP_WATCH_H_
