#include "postgres/functions/open_index.h"

extern "C" {
#include "catalog/pg_authid_d.h"
#include "commands/defrem.h"
#include "utils/acl.h"
}

namespace vseg {
namespace pg {

Relation open_vseg_index(Oid oid, LOCKMODE mode) {
  Relation index = relation_open(oid, mode);
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

void require_owner(Relation index) {
  if (!pg_class_ownercheck(RelationGetRelid(index), GetUserId())) {
    aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_INDEX, RelationGetRelationName(index));
  }
}

void require_owner_or_monitor(Relation index) {
  if (!pg_class_ownercheck(RelationGetRelid(index), GetUserId()) &&
      !has_privs_of_role(GetUserId(), ROLE_PG_MONITOR)) {
    ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                    errmsg("permission denied for index %s", RelationGetRelationName(index)),
                    errhint("The owner of the index and members of pg_monitor may look at it.")));
  }
}

}  // namespace pg
}  // namespace vseg
