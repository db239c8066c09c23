// Exceptions the engine throws. The PostgreSQL side turns each into an error with its SQLSTATE.
#ifndef VSEG_ENGINE_COMMON_ERRORS_H_
#define VSEG_ENGINE_COMMON_ERRORS_H_

#include <stdexcept>
#include <string>

#include "engine/common/types.h"

namespace vseg {

// A page does not hold what its place in the index says it must.
class CorruptIndexError : public std::runtime_error {
 public:
  CorruptIndexError(BlockNo block, const std::string& what)
      : std::runtime_error(what), block_(block) {}
  BlockNo block() const { return block_; }

 private:
  BlockNo block_;
};

// More rows, or larger ones, than the formats and algorithms allow. Not for what only the standard
// library finds too long, whose messages tell a user nothing.
class LimitError : public std::length_error {
 public:
  using std::length_error::length_error;
};

// A long computation was asked to stop (BuildMonitor::cancelled returned true).
class CancelledError : public std::runtime_error {
 public:
  CancelledError() : std::runtime_error("cancelled") {}
};

}  // namespace vseg

#endif  // VSEG_ENGINE_COMMON_ERRORS_H_
