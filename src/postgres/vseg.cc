// The module: what PostgreSQL loads.
#include "postgres/boundary/postgres_headers.h"

extern "C" {
#include "miscadmin.h"
}

#include "postgres/workers/launcher.h"
#include "postgres/ingest/transaction_memtable.h"
#include "postgres/options/options.h"

extern "C" {

PG_MODULE_MAGIC;

PGDLLEXPORT void _PG_init(void);

// Starts no thread and allocates nothing large: a backend that loads vseg stays as it was.
void _PG_init(void) {
  vseg::pg::define_options();
  vseg::pg::install_memtable_callbacks();
  if (process_shared_preload_libraries_in_progress) {
    vseg::pg::register_launcher();
  }
}

}  // extern "C"
