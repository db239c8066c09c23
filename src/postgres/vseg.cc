// The module: what PostgreSQL loads.
#include "postgres/boundary/postgres_headers.h"

#include "postgres/memtable/transaction_memtable.h"
#include "postgres/options/options.h"

extern "C" {

PG_MODULE_MAGIC;

PGDLLEXPORT void _PG_init(void);

// Starts no thread and allocates nothing large: a backend that loads vseg stays as it was.
void _PG_init(void) {
  vseg::pg::define_options();
  vseg::pg::install_memtable_callbacks();
}

}  // extern "C"
