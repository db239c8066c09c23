// How a job notices that it is in somebody's way.
#ifndef VSEG_POSTGRES_MERGE_POLITE_MONITOR_H_
#define VSEG_POSTGRES_MERGE_POLITE_MONITOR_H_

#include <chrono>
#include <initializer_list>

#include "postgres/boundary/progress_monitor.h"

namespace vseg {
namespace pg {

// Gives way, within 200 ms of the job's looking, to who wants to drop or rewrite one of two
// relations on which this backend has a lock, or to drop the database, which does not wait for its
// workers longer than five seconds.
class PoliteMonitor : public ProgressMonitor {
 public:
  // Of the index, or of the index and its table.
  explicit PoliteMonitor(std::initializer_list<Oid> relations);

 protected:
  bool gives_way() override;

 private:
  Oid relations_[2] = {InvalidOid, InvalidOid};
  std::chrono::steady_clock::time_point last_look_ = std::chrono::steady_clock::now();
};

}  // namespace pg
}  // namespace vseg

#endif  // VSEG_POSTGRES_MERGE_POLITE_MONITOR_H_
