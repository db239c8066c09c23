// Temporary files of a build: exact vectors, unranked rows.
#ifndef VSEG_POSTGRES_SEGMENT_VECTOR_SPOOL_H_
#define VSEG_POSTGRES_SEGMENT_VECTOR_SPOOL_H_

#include "postgres/boundary/postgres_headers.h"

#include <vector>

extern "C" {
#include "storage/buffile.h"
}

#include "engine/segment/segment_writer.h"

namespace vseg {
namespace pg {

// Records of one size, written and then read in order.
class RecordSpool {
 public:
  // `context` lives as long as the spool: it is created in the middle of a row whose own memory is
  // freed before the next one.
  RecordSpool(size_t bytes, MemoryContext context);

  void write(const void* record);
  void rewind();
  void read(void* record);

  // Also done by PostgreSQL when an error ends the statement.
  void close();

 private:
  size_t bytes_;
  BufFile* file_;
};

// Rows wait here while memory holds what the graph is built over, rows rotated and narrowed to
// bytes; they are read back once, in order, when the segment is written.
class VectorSpool final : public ExactVectors {
 public:
  VectorSpool(uint32_t dimensions, MemoryContext context)
      : vector_(dimensions), file_(dimensions * sizeof(float), context) {}

  void write(const float* vector) { file_.write(vector); }
  void rewind() { file_.rewind(); }
  const float* next() override {
    file_.read(vector_.data());
    return vector_.data();
  }
  void close() { file_.close(); }

 private:
  std::vector<float> vector_;  // the one read last
  RecordSpool file_;
};

}  // namespace pg
}  // namespace vseg

#endif  // VSEG_POSTGRES_SEGMENT_VECTOR_SPOOL_H_
