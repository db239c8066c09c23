#include "postgres/merge/polite_monitor.h"

#include <algorithm>

extern "C" {
#include "catalog/pg_database.h"
#include "storage/lock.h"
}

#include "postgres/merge/lock_waiters.h"

namespace vseg {
namespace pg {
namespace {

// Whether somebody drops the database: it has its lock, and waits for us to disconnect. Having the
// lock for a moment harms nobody: who conflicts with it waits for no longer than that moment.
bool is_database_dropped() {
  LOCKTAG database;
  SET_LOCKTAG_OBJECT(database, InvalidOid, DatabaseRelationId, MyDatabaseId, 0);
  if (LockAcquire(&database, RowExclusiveLock, false, true) == LOCKACQUIRE_NOT_AVAIL) {
    return true;
  }
  LockRelease(&database, RowExclusiveLock, false);
  return false;
}

}  // namespace

PoliteMonitor::PoliteMonitor(std::initializer_list<Oid> relations) {
  std::copy(relations.begin(), relations.end(), relations_);
}

bool PoliteMonitor::gives_way() {
  const auto now = std::chrono::steady_clock::now();
  if (now - last_look_ < std::chrono::milliseconds(100)) {
    return false;
  }
  last_look_ = now;
  for (const Oid oid : relations_) {
    LOCKTAG relation;
    SET_LOCKTAG_RELATION(relation, MyDatabaseId, oid);
    if (OidIsValid(oid) && is_awaited(relation, RowExclusiveLock)) {
      return true;
    }
  }
  return is_database_dropped();
}

}  // namespace pg
}  // namespace vseg
