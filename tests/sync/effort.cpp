#include "effort.h"

#include <sqlite3.h>

namespace tether::sync::test {
namespace {

Effort* g_counting = nullptr;

int on_profile(unsigned /*event*/, void* /*context*/, void* statement, void* /*nanoseconds*/) {
  if (g_counting == nullptr) return 0;
  ++g_counting->statements;
  g_counting->steps += sqlite3_stmt_status(static_cast<sqlite3_stmt*>(statement), SQLITE_STMTSTATUS_VM_STEP,
                                           /*resetFlg=*/1);
  return 0;
}

int on_open(sqlite3* database, const char** /*error*/, const sqlite3_api_routines* /*api*/) {
  return sqlite3_trace_v2(database, SQLITE_TRACE_PROFILE, on_profile, nullptr);
}

using EntryPoint = void (*)();

/// SQLite's own way of passing an entry point.
EntryPoint entry_point() {
  return reinterpret_cast<EntryPoint>(on_open);
}

}  // namespace

Effort::Effort() {
  g_counting = this;
  sqlite3_auto_extension(entry_point());
}

Effort::~Effort() {
  sqlite3_cancel_auto_extension(entry_point());
  g_counting = nullptr;
}

}  // namespace tether::sync::test
