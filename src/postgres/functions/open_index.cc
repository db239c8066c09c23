#include "postgres/functions/open_index.h"

extern "C" {
#include "catalog/pg_authid_d.h"
#include "commands/defrem.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
}

namespace vseg {
namespace pg {

namespace {

void require(Oid oid, Audience audience) {
  if (pg_class_ownercheck(oid, GetUserId())) {
    return;
  }
  const char* name = get_rel_name(oid);
  name = name != nullptr ? name : "(dropped)";
  if (audience == Audience::kOwner) {
    aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_INDEX, name);
  } else if (!has_privs_of_role(GetUserId(), ROLE_PG_MONITOR)) {
    ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                    errmsg("permission denied for index %s", name),
                    errhint("The owner of the index and members of pg_monitor may look at it.")));
  }
}

}  // namespace

// Asked twice, since the owner may change until the lock is there.
Relation open_vseg_index(Oid oid, LOCKMODE mode, Audience audience) {
  require(oid, audience);
  Relation index = relation_open(oid, mode);
  require(oid, audience);
  if (index->rd_rel->relkind != RELKIND_INDEX ||
      index->rd_rel->relam != get_index_am_oid("vseg", false)) {
    ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
                    errmsg("\"%s\" is not a vseg index", RelationGetRelationName(index))));
  }
  if (RELATION_IS_OTHER_TEMP(index)) {
    ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                    errmsg("cannot access temporary indexes of other sessions")));
  }
  return index;
}

}  // namespace pg
}  // namespace vseg
