// The boundary between PostgreSQL's errors (longjmp) and C++'s (exceptions).
//
// Two functions, always used in pairs:
//
//   run_cpp([&] { ... })    in a function that PostgreSQL calls: the body may throw. Whatever it
//                           throws becomes an ereport, raised after the catch block has ended.
//   call_pg([&] { ... })    beneath such a body, around calls of PostgreSQL that may raise an
//   error:
//                           the error becomes a PgError exception, so that destructors run.
//
// Frames that call ereport without call_pg hold only trivially destructible objects; the body of a
// call_pg holds nothing else either.
#ifndef VSEG_POSTGRES_BOUNDARY_GUARD_H_
#define VSEG_POSTGRES_BOUNDARY_GUARD_H_

#include "postgres/boundary/postgres_headers.h"

#include <setjmp.h>

#include <type_traits>
#include <utility>

namespace vseg {
namespace pg {

// A PostgreSQL error on its way through C++ frames. The error itself stays where errfinish left it,
// on PostgreSQL's own error stack, with its SQLSTATE and context; it is resumed by run_cpp. So a
// PgError must never be swallowed, and nothing may call ereport while one is in flight.
class PgError {};

// What run_cpp keeps of an exception until the catch block has ended.
struct CaughtException {
  bool postgres;  // a PgError: resume PostgreSQL's own
  int sqlstate;
  bool corrupt;  // add the REINDEX hint
  unsigned block;
  char message[512];
};

// Fills `caught` from the exception being handled. Called inside a catch block; never throws.
void capture_exception(CaughtException* caught) noexcept;

[[noreturn]] void raise_exception(const CaughtException& caught);

template <typename Body>
std::invoke_result_t<Body> run_cpp(Body&& body) {
  static_assert(std::is_void_v<std::invoke_result_t<Body>> ||
                    std::is_trivially_copyable_v<std::invoke_result_t<Body>>,
                "results must survive a longjmp");
  CaughtException caught;
  try {
    return std::forward<Body>(body)();
  } catch (...) {
    capture_exception(&caught);
  }
  raise_exception(caught);
}

// Where an error of PostgreSQL would land, put aside by call_pg while its body runs.
struct ErrorTarget {
  sigjmp_buf* exception_stack;
  ErrorContextCallback* context_stack;
  MemoryContext memory_context;

  static ErrorTarget current() {
    return {PG_exception_stack, error_context_stack, CurrentMemoryContext};
  }
  void restore() const {
    PG_exception_stack = exception_stack;
    error_context_stack = context_stack;
  }
};

template <typename Body>
std::invoke_result_t<Body> call_pg(Body&& body) {
  const ErrorTarget target = ErrorTarget::current();
  sigjmp_buf here;
  if (sigsetjmp(here, 0) == 0) {
    PG_exception_stack = &here;
    if constexpr (std::is_void_v<std::invoke_result_t<Body>>) {
      body();
      target.restore();
      return;
    } else {
      auto result = body();
      static_assert(std::is_trivially_destructible_v<decltype(result)>);
      target.restore();
      return result;
    }
  }
  target.restore();
  MemoryContextSwitchTo(target.memory_context);
  throw PgError();
}

// An engine object that outlives a call of PostgreSQL: deleted with `context`, on error too. T's
// destructor must not call PostgreSQL.
template <typename T>
void delete_with_context(MemoryContext context, T* object) {
  auto* callback = static_cast<MemoryContextCallback*>(
      MemoryContextAllocZero(context, sizeof(MemoryContextCallback)));
  callback->func = [](void* arg) { delete static_cast<T*>(arg); };
  callback->arg = object;
  MemoryContextRegisterResetCallback(context, callback);
}

}  // namespace pg
}  // namespace vseg

#endif  // VSEG_POSTGRES_BOUNDARY_GUARD_H_
