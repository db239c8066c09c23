// Included last by every engine source file: the engine knows nothing of PostgreSQL.
#ifdef POSTGRES_H
#error "src/engine must not include PostgreSQL headers"
#endif
