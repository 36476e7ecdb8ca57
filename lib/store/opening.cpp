#include "tether/store/opening.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <mutex>
#include <system_error>

#include "tether/store/migrations.h"
#include "tether/store/overview_query.h"
#include "tether/store/snapshot_body.h"
#include "tether/store/transaction.h"

namespace tether::store {
namespace {

constexpr mode_t kFileMode = 0600;  // SQLite gives its -wal and -shm files the mode of the database

/// SQLite spills sorts and scratch tables to files. They hold what the database holds, so they belong beside it and not
/// in a folder that everybody can list. SQLite has one such setting for the process, to be made before connections are.
void keep_temporary_files_in(const StateFolder& folder) {
  static std::once_flag once;
  std::call_once(once, [&folder] { sqlite3_temp_directory = sqlite3_mprintf("%s", folder.path().c_str()); });
}

Result<Done> make_file(const std::string& file) {
  const int made = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kFileMode);
  const bool ok = made >= 0 && ::fchmod(made, kFileMode) == 0;
  const int error = errno;
  if (made >= 0) ::close(made);
  if (!ok) return fail(ErrorKind::Retry, "open " + file + ": " + std::generic_category().message(error));
  return Done{};
}

bool is_quickly_checked(const std::string& file) {
  std::error_code error;
  const auto size = std::filesystem::file_size(file, error);
  return !error && size <= static_cast<std::uintmax_t>(kMaxCheckedAtOpenBytes);
}

void check_pages(Connection& connection) {
  auto row = connection.query("PRAGMA quick_check(1)");
  if (row.next() && row.view(0) != "ok") connection.set_error({ErrorKind::Corrupt, row.text(0)});
}

Result<std::unique_ptr<Connection>> try_open(const std::string& file, const StoreOptions& options, bool distrusted) {
  if (auto made = make_file(file); !made) return tl::unexpected<Error>(made.error());
  ConnectionOptions connection_options;
  connection_options.durable = options.durable;
  connection_options.cache_kib = kWriterCacheKiB;
  connection_options.max_bytes = options.max_bytes;
  auto connection = Connection::open(file, connection_options);
  if (!connection) return connection;
  if (distrusted || is_quickly_checked(file)) check_pages(**connection);
  if (auto good = (*connection)->outcome("check " + file); !good) return tl::unexpected<Error>(good.error());
  if (auto migrated = migrate(**connection); !migrated) return tl::unexpected<Error>(migrated.error());
  Transaction::create_scratch(**connection);
  // Reads the marks: a file that has the right version and not our tables is found here, not at the first event.
  { const Transaction probe(**connection); }
  if (auto ready = (*connection)->outcome("open " + file); !ready) return tl::unexpected<Error>(ready.error());
  return connection;
}

/// Moves the database and its log to the first free number and returns the new name.
Result<std::string> set_aside(const std::string& file) {
  namespace fs = std::filesystem;
  std::error_code error;
  int number = 1;
  const auto name = [&file, &number] { return file + ".damaged-" + std::to_string(number); };
  while (number < kMaxSetAside && fs::exists(name(), error)) ++number;
  for (const char* suffix : {"-wal", "-shm", ""}) {  // the database last: until it is gone, this is tried again
    fs::remove(name() + suffix, error);
    if (!fs::exists(file + suffix, error)) continue;
    fs::rename(file + suffix, name() + suffix, error);
    if (error) return fail(ErrorKind::Retry, "set aside " + file + suffix + ": " + error.message());
  }
  return name();
}

bool has_bytes(const std::string& file) {
  std::error_code error;
  const auto size = std::filesystem::file_size(file, error);
  return error ? error != std::errc::no_such_file_or_directory : size > 0;
}

/// Reads in every way that the store is read in later, a little of each.
Result<Done> try_reading(const std::shared_ptr<ReaderPool>& pool, const std::string& file) {
  {
    auto connection = pool->take();
    if (!connection) return tl::unexpected<Error>(connection.error());
    if (is_quickly_checked(file)) check_pages(**connection);
    { Transaction(**connection).marks(); }
    read_overview(**connection);
    auto read = (*connection)->outcome("read " + file);
    pool->give_back(std::move(*connection));
    if (!read) return read;
  }
  auto body = open_push_body(pool, {.full = true});
  if (!body) return tl::unexpected<Error>(body.error());
  if (auto line = (*body)->next(); !line) return tl::unexpected<Error>(line.error());
  return Done{};
}

}  // namespace

std::string database_file(const StateFolder& folder) {
  return (folder.path() / "tetherd.db").string();
}

Result<std::unique_ptr<Connection>> open_database(const StateFolder& folder, const StoreOptions& options,
                                                  bool distrusted, std::vector<std::string>& notes) {
  keep_temporary_files_in(folder);
  const auto file = database_file(folder);
  auto connection = try_open(file, options, distrusted);
  if (connection || connection.error().kind != ErrorKind::Corrupt) return connection;
  const auto damage = connection.error().message;
  const auto kept_as = set_aside(file);
  if (!kept_as) return tl::unexpected<Error>(kept_as.error());
  notes.push_back("the store was damaged (" + damage + ") and is kept as " + *kept_as + "; an empty one was started");
  return try_open(file, options, /*distrusted=*/false);
}

Result<std::shared_ptr<ReaderPool>> open_to_read(const StateFolder& folder, const Error& why) {
  if (why.kind == ErrorKind::Corrupt) return fail(ErrorKind::Corrupt, "it is damaged");
  const auto file = database_file(folder);
  std::optional<Error> error;
  for (const Access access : {Access::Read, Access::Immutable, Access::Alone}) {
    // A log holds what was committed last.
    if (access == Access::Immutable && (has_bytes(file + "-wal") || has_bytes(file + "-journal"))) continue;
    auto pool = std::make_shared<ReaderPool>(file, access);
    const auto read = try_reading(pool, file);
    if (read) return pool;
    if (!error) error = read.error();
  }
  return tl::unexpected<Error>(*error);
}

}  // namespace tether::store
