// The exact vectors of a build, in a temporary file.
#ifndef VSEG_POSTGRES_BUILD_VECTOR_SPOOL_H_
#define VSEG_POSTGRES_BUILD_VECTOR_SPOOL_H_

#include "postgres/boundary/postgres_headers.h"

#include <vector>

extern "C" {
#include "storage/buffile.h"
}

#include "engine/segment/segment_writer.h"

namespace vseg {
namespace pg {

// Rows wait here while memory holds what the graph is built over, rows rotated and narrowed to
// bytes; they are read back once, in order, when the segment is written.
class VectorSpool final : public ExactVectors {
 public:
  // `context` lives as long as the spool: it is created in the middle of a row whose own memory is
  // freed before the next one.
  VectorSpool(uint32_t dimensions, MemoryContext context);

  void write(const float* vector);
  void rewind();
  const float* next() override;

  // Also done by PostgreSQL when an error ends the statement.
  void close();

 private:
  size_t bytes() const { return vector_.size() * sizeof(float); }

  std::vector<float> vector_;  // the one read last
  BufFile* file_;
};

}  // namespace pg
}  // namespace vseg

#endif  // VSEG_POSTGRES_BUILD_VECTOR_SPOOL_H_
