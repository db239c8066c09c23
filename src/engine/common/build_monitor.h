// How a long build tells what it has done and learns that it shall stop.
#ifndef VSEG_ENGINE_COMMON_BUILD_MONITOR_H_
#define VSEG_ENGINE_COMMON_BUILD_MONITOR_H_

#include <cstdint>

namespace vseg {

// Watches a build. All are called from the thread that called build_graph, inserted and cancelled
// several times a second.
class BuildMonitor {
 public:
  virtual ~BuildMonitor() = default;
  virtual void inserted(uint32_t rows) = 0;  // rows inserted so far, of row_store.rows()
  virtual void completing() {}   // all rows are inserted: lists are connected and filled now
  virtual bool cancelled() = 0;  // true: stop soon and throw CancelledError
};

}  // namespace vseg

#endif  // VSEG_ENGINE_COMMON_BUILD_MONITOR_H_
