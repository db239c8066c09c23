#include "postgres/boundary/guard.h"

#include <cstring>
#include <new>

#include "engine/common/errors.h"

namespace vseg {
namespace pg {
namespace {

void set(CaughtException* caught, int sqlstate, const char* message) {
  caught->sqlstate = sqlstate;
  strlcpy(caught->message, message, sizeof(caught->message));
}

}  // namespace

void capture_exception(CaughtException* caught) noexcept {
  memset(caught, 0, sizeof(*caught));
  try {
    throw;
  } catch (const PgError&) {
    caught->postgres = true;
  } catch (const CorruptIndexError& e) {
    set(caught, ERRCODE_INDEX_CORRUPTED, e.what());
    caught->corrupt = true;
    caught->block = e.block();
  } catch (const CancelledError&) {
    set(caught, ERRCODE_QUERY_CANCELED, "canceling statement due to user request");
  } catch (const std::bad_alloc&) {
    set(caught, ERRCODE_OUT_OF_MEMORY, "out of memory");
  } catch (const LimitError& e) {
    set(caught, ERRCODE_PROGRAM_LIMIT_EXCEEDED, e.what());
  } catch (const std::exception& e) {
    set(caught, ERRCODE_INTERNAL_ERROR, e.what());
  } catch (...) {
    set(caught, ERRCODE_INTERNAL_ERROR, "unknown exception");
  }
}

void raise_exception(const CaughtException& caught) {
  if (caught.postgres) {
    // As after errfinish: handlers expect to be entered in ErrorContext.
    MemoryContextSwitchTo(ErrorContext);
    PG_RE_THROW();
  }
  if (caught.corrupt) {
    ereport(ERROR, (errcode(caught.sqlstate), errmsg("vseg index is corrupted: %s", caught.message),
                    errdetail("The error was found in block %u.", caught.block),
                    errhint("REINDEX the index.")));
  }
  ereport(ERROR, (errcode(caught.sqlstate), errmsg("%s", caught.message)));
  pg_unreachable();
}

}  // namespace pg
}  // namespace vseg
