// amvalidate: whether an operator class is one this access method can use.
#include "postgres/access/callbacks.h"

extern "C" {
#include "access/amvalidate.h"
#include "access/htup_details.h"
#include "catalog/pg_amop.h"
#include "catalog/pg_amproc.h"
#include "catalog/pg_opclass.h"
#include "catalog/pg_opfamily.h"
#include "catalog/pg_type_d.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/syscache.h"
}

#include "postgres/access/opclass.h"

namespace vseg {
namespace pg {
namespace {

struct Opclass {
  Oid family;
  Oid input_type;
  char* name;
};

#define INVALID_OPCLASS(...) \
  ereport(INFO, (errcode(ERRCODE_INVALID_OBJECT_DEFINITION), errmsg(__VA_ARGS__)))

// Support functions are `f(internal) returns internal`, number 1 only.
bool valid_function(const Opclass& opclass, Form_pg_amproc proc) {
  if (proc->amprocnum != kSupportProc) {
    INVALID_OPCLASS(
        "operator class \"%s\" of access method vseg contains function %s with "
        "invalid support number %d",
        opclass.name, format_procedure(proc->amproc), proc->amprocnum);
    return false;
  }
  if (!check_amproc_signature(proc->amproc, INTERNALOID, false, 1, 1, INTERNALOID)) {
    INVALID_OPCLASS(
        "operator class \"%s\" of access method vseg contains function %s with wrong "
        "signature for support number %d",
        opclass.name, format_procedure(proc->amproc), proc->amprocnum);
    return false;
  }
  return true;
}

// The operator is a distance between two values of the class's type, ordered as float8.
bool valid_operator(const Opclass& opclass, Form_pg_amop op) {
  if (op->amopstrategy != kDistanceStrategy) {
    INVALID_OPCLASS(
        "operator class \"%s\" of access method vseg contains operator %s with "
        "invalid strategy number %d",
        opclass.name, format_operator(op->amopopr), op->amopstrategy);
    return false;
  }
  if (op->amoppurpose != AMOP_ORDER || !opfamily_can_sort_type(op->amopsortfamily, FLOAT8OID) ||
      !check_amop_signature(op->amopopr, FLOAT8OID, opclass.input_type, opclass.input_type)) {
    INVALID_OPCLASS(
        "operator class \"%s\" of access method vseg contains operator %s, which is "
        "not a distance for ORDER BY",
        opclass.name, format_operator(op->amopopr));
    return false;
  }
  return true;
}

struct Members {
  bool valid = true;
  bool has_function = false;
  bool has_operator = false;
};

void check_functions(const Opclass& opclass, Members* members) {
  CatCList* list = SearchSysCacheList1(AMPROCNUM, ObjectIdGetDatum(opclass.family));
  for (int i = 0; i < list->n_members; i++) {
    auto* proc = reinterpret_cast<Form_pg_amproc>(GETSTRUCT(&list->members[i]->tuple));
    members->valid &= valid_function(opclass, proc);
    members->has_function |=
        proc->amprocnum == kSupportProc && proc->amproclefttype == opclass.input_type;
  }
  ReleaseCatCacheList(list);
}

void check_operators(const Opclass& opclass, Members* members) {
  CatCList* list = SearchSysCacheList1(AMOPSTRATEGY, ObjectIdGetDatum(opclass.family));
  for (int i = 0; i < list->n_members; i++) {
    auto* op = reinterpret_cast<Form_pg_amop>(GETSTRUCT(&list->members[i]->tuple));
    members->valid &= valid_operator(opclass, op);
    members->has_operator |=
        op->amopstrategy == kDistanceStrategy && op->amoplefttype == opclass.input_type;
  }
  ReleaseCatCacheList(list);
}

}  // namespace
}  // namespace pg
}  // namespace vseg

bool vseg_validate(Oid opclass_oid) {
  using namespace vseg::pg;
  HeapTuple tuple = SearchSysCache1(CLAOID, ObjectIdGetDatum(opclass_oid));
  if (!HeapTupleIsValid(tuple)) {
    elog(ERROR, "cache lookup failed for operator class %u", opclass_oid);
  }
  auto* form = reinterpret_cast<Form_pg_opclass>(GETSTRUCT(tuple));
  const Opclass opclass = {form->opcfamily, form->opcintype, pstrdup(NameStr(form->opcname))};
  ReleaseSysCache(tuple);

  Members members;
  check_functions(opclass, &members);
  check_operators(opclass, &members);
  if (!members.has_function) {
    INVALID_OPCLASS("operator class \"%s\" of access method vseg is missing support function %d",
                    opclass.name, kSupportProc);
  }
  if (!members.has_operator) {
    INVALID_OPCLASS("operator class \"%s\" of access method vseg is missing its distance operator",
                    opclass.name);
  }
  return members.valid && members.has_function && members.has_operator;
}
