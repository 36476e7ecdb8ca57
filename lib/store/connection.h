#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "tether/base/result.h"
#include "tether/store/body_sealer.h"

struct sqlite3;
struct sqlite3_stmt;

namespace tether::store {

class Connection;

/// The rows of one statement under way, read top down. The statement is free for its next use when the cursor goes.
class Cursor {
 public:
  ~Cursor();
  Cursor(Cursor&& other) noexcept;
  Cursor(const Cursor&) = delete;
  Cursor& operator=(const Cursor&) = delete;
  Cursor& operator=(Cursor&&) = delete;

  /// Moves to the next row; false at the end and after an error, which the connection then remembers.
  bool next();

  // Columns of the present row, from 0. A view is valid until the next call of `next`.
  std::int64_t integer(int column) const;
  bool flag(int column) const { return integer(column) != 0; }
  std::string_view view(int column) const;
  std::string text(int column) const { return std::string(view(column)); }
  bool is_null(int column) const;

 private:
  friend class Connection;
  Cursor(Connection& connection, sqlite3_stmt* statement) : connection_(&connection), statement_(statement) {}

  Connection* connection_;
  sqlite3_stmt* statement_;  ///< Null: there was an error before, nothing comes.
};

/// How a connection comes at its file. Through all but Write no statement may write.
enum class Access {
  Write,
  Read,       ///< Beside other connections. The shared memory of the log is made if it is not there.
  Immutable,  ///< Needs nothing but the file, and does not look for a log: for one that has none and that nobody
              ///< writes.
  Alone,      ///< Reads the log without shared memory. No other connection, of this process or another, at that time.
};

/// What a connection is for.
struct ConnectionOptions {
  Access access = Access::Write;
  bool durable = true;
  int cache_kib = 256;
  std::int64_t max_bytes = 0;                          ///< 0: no limit.
  const char* vfs = nullptr;                           ///< SQLite's name of it; null: its default.
  std::shared_ptr<const BodySealer> bodies = nullptr;  ///< Null: bodies are neither read nor written.
  /// Whoever closes the last connection writes the log back to the database; not this one.
  bool leaves_log = false;
};

/// One connection to the database: statements are prepared once and kept.
///
/// Its first error sticks: everything after it does nothing and gives no rows, until `clear_error`. A row of calls is
/// therefore written without looking at each, and `error` is asked once at the end. One thread at a time.
class Connection {
 public:
  /// Retry: the file cannot be opened. Corrupt: it is no database.
  static Result<std::unique_ptr<Connection>> open(const std::string& file, const ConnectionOptions& options);

  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Starts a statement. `sql` must be the same text for the same purpose, since it is the key under which the prepared
  /// statement is kept; it may not be under way already. Arguments (integers, bools, texts, optional ones) are copied.
  template <class... Arguments>
  Cursor query(std::string_view sql, const Arguments&... arguments) {
    sqlite3_stmt* statement = prepare(sql);
    int position = 0;
    (bind(statement, ++position, arguments), ...);
    return {*this, statement};
  }

  /// Runs a statement to its end.
  template <class... Arguments>
  void execute(std::string_view sql, const Arguments&... arguments) {
    auto cursor = query(sql, arguments...);
    while (cursor.next()) {
    }
  }

  /// The first column of the first row, or 0 if there is none.
  template <class... Arguments>
  std::int64_t number(std::string_view sql, const Arguments&... arguments) {
    auto cursor = query(sql, arguments...);
    return cursor.next() ? cursor.integer(0) : 0;
  }

  /// Several statements, without rows and without arguments; not kept.
  void run_script(const std::string& sql);

  /// How many rows the last statement that writes changed.
  std::int64_t changed_rows() const;
  /// The number of the row that was inserted last, of a table with an INTEGER PRIMARY KEY.
  std::int64_t last_row() const;
  bool in_transaction() const;
  /// Another number than before if anybody wrote since: this connection, or another one before the transaction that is
  /// open here.
  std::uint32_t data_version() const;
  /// What the content of bodies is read and written with.
  const BodySealer& bodies() const;
  void release_memory();
  /// How often statements had to be prepared again, so far.
  std::int64_t prepared_anew() const;

  const std::optional<Error>& error() const { return error_; }
  void clear_error() { error_.reset(); }
  /// Remembers a failure of the caller's own, unless there is one already.
  void set_error(Error error);
  /// `{}` or the error, with what was being done put before it.
  Result<Done> outcome(const std::string& doing) const;

 private:
  friend class Cursor;
  Connection(sqlite3* database, std::shared_ptr<const BodySealer> bodies)
      : database_(database), bodies_(std::move(bodies)) {}

  sqlite3_stmt* prepare(std::string_view sql);
  void bind(sqlite3_stmt* statement, int position, std::int64_t value);
  void bind(sqlite3_stmt* statement, int position, int value) {
    bind(statement, position, static_cast<std::int64_t>(value));
  }
  void bind(sqlite3_stmt* statement, int position, std::size_t value) {
    bind(statement, position, static_cast<std::int64_t>(value));
  }
  void bind(sqlite3_stmt* statement, int position, bool value) {
    bind(statement, position, static_cast<std::int64_t>(value));
  }
  void bind(sqlite3_stmt* statement, int position, std::string_view value);
  void bind(sqlite3_stmt* statement, int position, const std::string& value) {
    bind(statement, position, std::string_view(value));
  }
  void bind(sqlite3_stmt* statement, int position, const char* value) {
    bind(statement, position, std::string_view(value));
  }
  template <class T>
  void bind(sqlite3_stmt* statement, int position, const std::optional<T>& value) {
    value ? bind(statement, position, *value) : bind_null(statement, position);
  }
  void bind_null(sqlite3_stmt* statement, int position);
  void note(int code);

  sqlite3* database_;
  std::shared_ptr<const BodySealer> bodies_;
  std::map<std::string, sqlite3_stmt*, std::less<>> statements_;
  std::optional<Error> error_;
};

/// Deletes and rolls back what was begun unless it was committed.
class OpenTransaction {
 public:
  /// `begin` is `BEGIN` to read or `BEGIN IMMEDIATE` to write. Clears the connection's error first.
  OpenTransaction(Connection& connection, std::string_view begin);
  ~OpenTransaction();
  OpenTransaction(const OpenTransaction&) = delete;
  OpenTransaction& operator=(const OpenTransaction&) = delete;

  /// Commits unless there was an error; the first one is the answer, and nothing of the transaction is left then.
  Result<Done> commit(const std::string& doing);

 private:
  Connection& connection_;
};

}  // namespace tether::store
