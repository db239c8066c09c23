// For tests and benchmarks of what chooses its kernels when it is constructed.
#ifndef VSEG_ENGINE_QUANTIZER_EVERY_TARGET_H_
#define VSEG_ENGINE_QUANTIZER_EVERY_TARGET_H_

#include "hwy/highway.h"

namespace vseg {

// Objects constructed while this lives use one instruction set, of those compiled that the CPU has
// (hwy::SupportedAndGeneratedTargets). Not safe while other threads construct some.
class ChosenTarget {
 public:
  explicit ChosenTarget(int64_t target) { hwy::GetChosenTarget().Update(target); }
  ~ChosenTarget() { hwy::GetChosenTarget().Update(hwy::SupportedTargets()); }
  ChosenTarget(const ChosenTarget&) = delete;
  ChosenTarget& operator=(const ChosenTarget&) = delete;
};

}  // namespace vseg

#endif  // VSEG_ENGINE_QUANTIZER_EVERY_TARGET_H_
