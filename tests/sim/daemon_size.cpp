#include <sqlite3.h>

#include "daemon.h"

/// What a daemon's store takes, by a connection of its own.
namespace tether::sim {

std::map<std::string, std::size_t> Daemon::count_rows() const {
  std::map<std::string, std::size_t> rows;
  sqlite3* database = nullptr;
  if (sqlite3_open_v2(database_.c_str(), &database, SQLITE_OPEN_READONLY, disk_.vfs()) == SQLITE_OK) {
    for (const std::string table : {"artifacts", "resources", "offers", "bodies", "body_references", "pending", "hints",
                                    "correlations", "outbox", "epochs"}) {
      sqlite3_stmt* statement = nullptr;
      const std::string text = "SELECT count(*) FROM " + table;
      if (sqlite3_prepare_v2(database, text.c_str(), -1, &statement, nullptr) != SQLITE_OK) continue;
      if (sqlite3_step(statement) == SQLITE_ROW) {
        rows[table] = static_cast<std::size_t>(sqlite3_column_int64(statement, 0));
      }
      sqlite3_finalize(statement);
    }
  }
  sqlite3_close(database);
  return rows;
}

std::size_t Daemon::database_bytes() const {
  std::error_code error;
  return disk_.size(database_, error);
}

}  // namespace tether::sim
