#include "postgres/build/vector_spool.h"

#include "postgres/boundary/guard.h"

namespace vseg {
namespace pg {
namespace {

BufFile* create_file(MemoryContext context) {
  MemoryContext old = MemoryContextSwitchTo(context);
  BufFile* file = BufFileCreateTemp(false);
  MemoryContextSwitchTo(old);
  return file;
}

}  // namespace

VectorSpool::VectorSpool(uint32_t dimensions, MemoryContext context)
    : vector_(dimensions), file_(call_pg([&] { return create_file(context); })) {}

void VectorSpool::write(const float* vector) {
  call_pg([&] { BufFileWrite(file_, const_cast<float*>(vector), bytes()); });
}

void VectorSpool::rewind() {
  call_pg([&] {
    if (BufFileSeek(file_, 0, 0, SEEK_SET) != 0) {
      ereport(ERROR, (errcode_for_file_access(), errmsg("could not rewind temporary file")));
    }
  });
}

const float* VectorSpool::next() {
  call_pg([&] {
    if (BufFileRead(file_, vector_.data(), bytes()) != bytes()) {
      ereport(ERROR, (errcode_for_file_access(), errmsg("could not read temporary file")));
    }
  });
  return vector_.data();
}

void VectorSpool::close() {
  call_pg([&] { BufFileClose(file_); });
}

}  // namespace pg
}  // namespace vseg
