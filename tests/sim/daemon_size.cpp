#include <sqlite3.h>

#include "daemon.h"

/// What a daemon's store takes, by a connection of its own.
namespace tether::sim {
namespace {

/// The first column of the first row, or nothing.
std::string look_up(sqlite3* database, const std::string& query) {
  std::string found;
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v2(database, query.c_str(), -1, &statement, nullptr) != SQLITE_OK) return found;
  if (sqlite3_step(statement) == SQLITE_ROW && sqlite3_column_type(statement, 0) != SQLITE_NULL) {
    found = reinterpret_cast<const char*>(sqlite3_column_text(statement, 0));
  }
  sqlite3_finalize(statement);
  return found;
}

}  // namespace

std::optional<Daemon::Rows> Daemon::count_rows() const {
  sqlite3* database = nullptr;
  std::string events;
  std::string others;
  if (sqlite3_open_v2(database_.c_str(), &database, SQLITE_OPEN_READONLY, disk_.vfs()) == SQLITE_OK) {
    events = look_up(database, "SELECT count(*) FROM correlations");
    const std::string each =
        look_up(database, R"(SELECT group_concat('(SELECT count(*) FROM "' || name || '")', ' + ') )"
                          "FROM sqlite_master WHERE type = 'table' AND name <> 'correlations'");
    others = look_up(database, "SELECT " + each);
  }
  sqlite3_close(database);
  if (events.empty() || others.empty()) return std::nullopt;
  return Rows{std::stoull(events), std::stoull(others)};
}

std::size_t Daemon::database_bytes() const {
  std::error_code error;
  return disk_.size(database_, error);
}

}  // namespace tether::sim
