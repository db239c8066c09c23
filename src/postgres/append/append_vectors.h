// Rows of an append chain: their vectors, and the entries that make them exist.
#ifndef VSEG_POSTGRES_APPEND_APPEND_VECTORS_H_
#define VSEG_POSTGRES_APPEND_APPEND_VECTORS_H_

#include "postgres/append/append_chain.h"
#include "postgres/append/append_tail.h"

namespace vseg {
namespace pg {

// Appends some of the rows, at least one, to the locked tail, which has room for entries; returns
// how many.
uint32_t append_to_tail(const Appender& a, const AppendRow* rows, size_t count);

}  // namespace pg
}  // namespace vseg

#endif  // VSEG_POSTGRES_APPEND_APPEND_VECTORS_H_
