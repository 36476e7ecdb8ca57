#include "tether/store/connection.h"

#include <sqlite3.h>

#include "tether/base/check.h"

namespace tether::store {
namespace {

/// Another connection of ours holds the file for moments only (a checkpoint, the log's reset).
constexpr int kBusyTimeoutMs = 1000;
/// 4 MiB of write-ahead log before its pages go to the database, and what is kept of a longer one after that.
constexpr int kCheckpointPages = 1000;
constexpr int kKeptLogBytes = 4 * 1024 * 1024;
constexpr int kTemporaryCacheKiB = 256;

ErrorKind kind_of(int code) {
  switch (code & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_ERROR:  // a table or column is not there: the schema is not the one that the file claims
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
      return ErrorKind::Corrupt;
    default:
      return ErrorKind::Retry;
  }
}

/// https://www.sqlite.org/uri.html: what stands for itself in a path and not in a URI is escaped.
std::string immutable_uri(const std::string& file) {
  std::string uri = "file:";
  for (const char c : file) {
    if (c == '%' || c == '?' || c == '#') {
      constexpr std::string_view kDigits = "0123456789abcdef";
      const auto byte = static_cast<unsigned char>(c);
      uri += {'%', kDigits[byte >> 4U], kDigits[byte & 0xFU]};
    } else {
      uri += c;
    }
  }
  return uri + "?immutable=1";
}

void configure(Connection& connection, const ConnectionOptions& options) {
  const auto set = [&connection](const std::string& pragma) { connection.execute("PRAGMA " + pragma); };
  if (options.access == Access::Write) set("journal_mode = WAL");
  if (options.access == Access::Alone) set("locking_mode = EXCLUSIVE");
  set(options.durable ? "synchronous = FULL" : "synchronous = NORMAL");
  set("cache_size = -" + std::to_string(options.cache_kib));
  set("mmap_size = 0");
  set("temp_store = FILE");
  set("temp.cache_size = -" + std::to_string(kTemporaryCacheKiB));
  set("foreign_keys = ON");
  set("secure_delete = FAST");  // what is overwritten anyway
  set("wal_autocheckpoint = " + std::to_string(kCheckpointPages));
  set("journal_size_limit = " + std::to_string(kKeptLogBytes));
  if (options.access != Access::Write) set("query_only = ON");
  if (options.max_bytes > 0) {
    const auto page = connection.number("PRAGMA page_size");
    if (page > 0) set("max_page_count = " + std::to_string(options.max_bytes / page));
  }
}

}  // namespace

Cursor::Cursor(Cursor&& other) noexcept : connection_(other.connection_), statement_(other.statement_) {
  other.statement_ = nullptr;
}

Cursor::~Cursor() {
  if (statement_ == nullptr) return;
  sqlite3_reset(statement_);  // repeats the error of the last step, which was noted then
  sqlite3_clear_bindings(statement_);
}

bool Cursor::next() {
  if (statement_ == nullptr || connection_->error_) return false;
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) connection_->note(code);
  return false;
}

std::int64_t Cursor::integer(int column) const {
  return sqlite3_column_int64(statement_, column);
}

std::string_view Cursor::view(int column) const {
  const void* bytes = sqlite3_column_blob(statement_, column);  // blob: no conversion, embedded zeros are kept
  const int size = sqlite3_column_bytes(statement_, column);
  if (bytes == nullptr) return {};
  return {static_cast<const char*>(bytes), static_cast<std::size_t>(size)};
}

bool Cursor::is_null(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

Result<std::unique_ptr<Connection>> Connection::open(const std::string& file, const ConnectionOptions& options) {
  sqlite3* database = nullptr;
  const bool immutable = options.access == Access::Immutable;
  int flags = SQLITE_OPEN_NOMUTEX | (immutable ? SQLITE_OPEN_READONLY | SQLITE_OPEN_URI : SQLITE_OPEN_READWRITE);
  if (options.access == Access::Write) flags |= SQLITE_OPEN_CREATE;
  const std::string name = immutable ? immutable_uri(file) : file;
  const int code = sqlite3_open_v2(name.c_str(), &database, flags, options.vfs);
  if (database == nullptr) return fail(ErrorKind::Retry, "open " + file + ": out of memory");
  std::unique_ptr<Connection> connection(new Connection(database, options.bodies));
  sqlite3_extended_result_codes(database, 1);
  sqlite3_busy_timeout(database, kBusyTimeoutMs);
  // A plan must not depend on what is bound: statements that could use a partial index for some values would be
  // prepared anew each time that another value is bound.
  sqlite3_db_config(database, SQLITE_DBCONFIG_ENABLE_QPSG, 1, nullptr);
  if (options.leaves_log) sqlite3_db_config(database, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  if (code != SQLITE_OK) connection->note(code);
  configure(*connection, options);
  if (auto opened = connection->outcome("open " + file); !opened) return tl::unexpected<Error>(opened.error());
  return connection;
}

Connection::~Connection() {
  for (const auto& [sql, statement] : statements_) sqlite3_finalize(statement);
  sqlite3_close_v2(database_);
}

void Connection::run_script(const std::string& sql) {
  if (error_) return;
  const int code = sqlite3_exec(database_, sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) note(code);
}

std::int64_t Connection::changed_rows() const {
  return sqlite3_changes64(database_);
}

const BodySealer& Connection::bodies() const {
  check(bodies_ != nullptr, "who reads or writes bodies has their key");
  return *bodies_;
}

std::uint32_t Connection::data_version() const {
  unsigned int version = 0;
  sqlite3_file_control(database_, "main", SQLITE_FCNTL_DATA_VERSION, &version);
  return version;
}

std::int64_t Connection::last_row() const {
  return sqlite3_last_insert_rowid(database_);
}

bool Connection::in_transaction() const {
  return sqlite3_get_autocommit(database_) == 0;
}

void Connection::release_memory() {
  sqlite3_db_release_memory(database_);
}

std::int64_t Connection::prepared_anew() const {
  std::int64_t times = 0;
  for (const auto& [sql, statement] : statements_) {
    times += sqlite3_stmt_status(statement, SQLITE_STMTSTATUS_REPREPARE, /*resetFlg=*/0);
  }
  return times;
}

void Connection::set_error(Error error) {
  if (!error_) error_ = std::move(error);
}

Result<Done> Connection::outcome(const std::string& doing) const {
  if (error_) return wrap(doing, *error_);
  return Done{};
}

sqlite3_stmt* Connection::prepare(std::string_view sql) {
  if (error_) return nullptr;
  if (const auto known = statements_.find(sql); known != statements_.end()) {
    check(sqlite3_stmt_busy(known->second) == 0, "a statement is used by one cursor at a time");
    return known->second;
  }
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(database_, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT,
                                      &statement, /*pzTail=*/nullptr);
  if (code != SQLITE_OK) {
    note(code);
    return nullptr;
  }
  statements_.emplace(sql, statement);
  return statement;
}

void Connection::bind(sqlite3_stmt* statement, int position, std::int64_t value) {
  if (statement == nullptr) return;
  if (const int code = sqlite3_bind_int64(statement, position, value); code != SQLITE_OK) note(code);
}

void Connection::bind(sqlite3_stmt* statement, int position, std::string_view value) {
  if (statement == nullptr) return;
  // SQLite binds NULL for a null pointer, which an empty view may have.
  const char* data = value.data() != nullptr ? value.data() : "";
  // SQLITE_TRANSIENT, without its old-style cast.
  const auto copied = reinterpret_cast<sqlite3_destructor_type>(-1);  // NOLINT(performance-no-int-to-ptr)
  const int code = sqlite3_bind_text64(statement, position, data, value.size(), copied, SQLITE_UTF8);
  if (code != SQLITE_OK) note(code);
}

void Connection::bind_null(sqlite3_stmt* statement, int position) {
  if (statement == nullptr) return;
  if (const int code = sqlite3_bind_null(statement, position); code != SQLITE_OK) note(code);
}

void Connection::note(int code) {
  check((code & 0xff) != SQLITE_MISUSE && (code & 0xff) != SQLITE_RANGE, "SQLite is called as it asks to be");
  set_error({kind_of(code), sqlite3_errmsg(database_)});
}

OpenTransaction::OpenTransaction(Connection& connection, std::string_view begin) : connection_(connection) {
  check(!connection.in_transaction(), "transactions do not nest");
  connection_.clear_error();
  connection_.execute(begin);
}

OpenTransaction::~OpenTransaction() {
  if (!connection_.in_transaction()) return;  // committed, or SQLite itself rolled back on the error
  const auto error = connection_.error();
  connection_.clear_error();
  connection_.execute("ROLLBACK");
  connection_.clear_error();
  if (error) connection_.set_error(*error);
}

Result<Done> OpenTransaction::commit(const std::string& doing) {
  connection_.execute("COMMIT");
  return connection_.outcome(doing);
}

}  // namespace tether::store
