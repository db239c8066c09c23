#include "postgres/segment/vector_spool.h"

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

RecordSpool::RecordSpool(size_t bytes, MemoryContext context)
    : bytes_(bytes), file_(call_pg([&] { return create_file(context); })) {}

void RecordSpool::write(const void* record) {
  call_pg([&] { BufFileWrite(file_, const_cast<void*>(record), bytes_); });
}

void RecordSpool::rewind() {
  call_pg([&] {
    if (BufFileSeek(file_, 0, 0, SEEK_SET) != 0) {
      ereport(ERROR, (errcode_for_file_access(), errmsg("could not rewind temporary file")));
    }
  });
}

void RecordSpool::read(void* record) {
  call_pg([&] {
    if (BufFileRead(file_, record, bytes_) != bytes_) {
      ereport(ERROR, (errcode_for_file_access(), errmsg("could not read temporary file")));
    }
  });
}

void RecordSpool::close() {
  call_pg([&] { BufFileClose(file_); });
}

}  // namespace pg
}  // namespace vseg
