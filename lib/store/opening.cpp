#include "tether/store/opening.h"

#include <sqlite3.h>

#include <array>
#include <mutex>
#include <system_error>

#include "tether/seal/key_file.h"
#include "tether/store/lost_content.h"
#include "tether/store/migrations.h"
#include "tether/store/overview_query.h"
#include "tether/store/snapshot_body.h"
#include "tether/store/transaction.h"

namespace tether::store {
namespace {

/// SQLite spills sorts and scratch tables to files. They hold what the database holds, so they belong beside it and not
/// in a folder that everybody can list. SQLite has one such setting for the process, to be made before connections are.
void keep_temporary_files_in(const StateFolder& folder) {
  static std::once_flag once;
  std::call_once(once, [&folder] { sqlite3_temp_directory = sqlite3_mprintf("%s", folder.path().c_str()); });
}

bool is_quickly_checked(const Files& files, const std::string& file) {
  std::error_code error;
  const auto size = files.size(file, error);
  return !error && size <= static_cast<std::uintmax_t>(kMaxCheckedAtOpenBytes);
}

void check_pages(Connection& connection) {
  auto row = connection.query("PRAGMA quick_check(1)");
  if (row.next() && row.view(0) != "ok") connection.set_error({ErrorKind::Corrupt, row.text(0)});
}

std::string key_path(const StateFolder& folder, const StoreOptions& options) {
  return options.key_file.empty() ? (folder.path() / "secrets.key").string() : options.key_file;
}

/// For people, by the settings that name it.
std::string key_in_words(const StateFolder& folder, const StoreOptions& options) {
  const std::string path = key_path(folder, options);
  if (!options.key_file.empty()) return path + " (store.key_file, or the systemd credential store-key)";
  return path + ", which is used where neither store.key_file nor the systemd credential store-key is given";
}

Result<std::unique_ptr<Connection>> try_open(const std::string& file, const StoreOptions& options,
                                             const std::string& key, const std::shared_ptr<const BodySealer>& bodies,
                                             bool distrusted, std::vector<OpenedNote>& notes) {
  if (const auto error = options.files->make(file))
    return fail(ErrorKind::Retry, "open " + file + ": " + error.message());
  // What the process before wrote and could not sync reads as if it were there. New commits would follow it in the log,
  // and a power cut would take them with it, for the log counts up to the first gap.
  if (const auto error = options.files->rewrite(file + "-wal"))
    return fail(ErrorKind::Retry, "open " + file + "-wal: " + error.message());
  ConnectionOptions connection_options;
  connection_options.durable = options.durable;
  connection_options.cache_kib = kWriterCacheKiB;
  connection_options.max_bytes = options.max_bytes;
  connection_options.vfs = options.files->vfs();
  connection_options.bodies = bodies;
  auto connection = Connection::open(file, connection_options);
  if (!connection) return connection;
  if (distrusted || is_quickly_checked(*options.files, file)) check_pages(**connection);
  if (auto good = (*connection)->outcome("check " + file); !good) return tl::unexpected<Error>(good.error());
  if (auto migrated = migrate(**connection); !migrated) return tl::unexpected<Error>(migrated.error());
  Transaction::create_scratch(**connection);
  // Reads the marks: a file that has the right version and not our tables is found here, not at the first event.
  Known known;
  { const Transaction probe(**connection, known); }
  if (auto ready = (*connection)->outcome("open " + file); !ready) return tl::unexpected<Error>(ready.error());
  if (auto looked = look_for_lost_content(**connection, distrusted, key, notes); !looked) {
    return tl::unexpected<Error>(looked.error());
  }
  return connection;
}

bool is_there(const Files& files, const std::string& file) {
  std::error_code error;
  files.size(file, error);
  return error != std::errc::no_such_file_or_directory;
}

/// Moves the database and its log to the first free number and returns the new name.
Result<std::string> set_aside(const Files& files, const std::string& file) {
  int number = 1;
  const auto name = [&file, &number] { return file + ".damaged-" + std::to_string(number); };
  while (number < kMaxSetAside && is_there(files, name())) ++number;
  for (const char* suffix : {"-wal", "-shm", ""}) {  // the database last: until it is gone, this is tried again
    files.remove(name() + suffix);
    if (!is_there(files, file + suffix)) continue;
    if (const auto error = files.rename(file + suffix, name() + suffix)) {
      return fail(ErrorKind::Retry, "set aside " + file + suffix + ": " + error.message());
    }
  }
  return name();
}

bool has_bytes(const Files& files, const std::string& file) {
  std::error_code error;
  const auto size = files.size(file, error);
  return error ? error != std::errc::no_such_file_or_directory : size > 0;
}

/// Reads in every way that the store is read in later, a little of each.
Result<Done> try_reading(const std::shared_ptr<ReaderPool>& pool, const Files& files, const std::string& file) {
  {
    auto connection = pool->take();
    if (!connection) return tl::unexpected<Error>(connection.error());
    if (is_quickly_checked(files, file)) check_pages(**connection);
    Known known;
    Transaction(**connection, known).marks();
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

Result<std::shared_ptr<const BodySealer>> load_bodies_key(const StateFolder& folder, const StoreOptions& options,
                                                          std::vector<OpenedNote>& notes) {
  if (options.key) return std::make_shared<const BodySealer>(*options.key);
  const bool is_ours = options.key_file.empty();
  auto loaded = seal::load_key({key_path(folder, options), is_ours, is_ours || options.may_make_key, options.durable});
  if (!loaded) return wrap("key of the store (store.key_file)", loaded.error());
  for (auto& note : loaded->notes) notes.push_back({OpenedNote::What::Mended, std::move(note)});
  return std::make_shared<const BodySealer>(loaded->material);
}

Result<std::unique_ptr<Connection>> open_database(const StateFolder& folder, const StoreOptions& options,
                                                  const std::shared_ptr<const BodySealer>& bodies, bool distrusted,
                                                  std::vector<OpenedNote>& notes) {
  keep_temporary_files_in(folder);
  const auto file = database_file(folder);
  const auto key = key_in_words(folder, options);
  auto connection = try_open(file, options, key, bodies, distrusted, notes);
  if (connection || connection.error().kind != ErrorKind::Corrupt) return connection;
  const auto damage = connection.error().message;
  const auto kept_as = set_aside(*options.files, file);
  if (!kept_as) return tl::unexpected<Error>(kept_as.error());
  notes.push_back({OpenedNote::What::StartedAnew,
                   "the store was damaged (" + damage + ") and is kept as " + *kept_as + "; an empty one was started"});
  return try_open(file, options, key, bodies, /*distrusted=*/false, notes);
}

Result<std::shared_ptr<ReaderPool>> open_to_read(const StateFolder& folder, const Files& files,
                                                 const std::shared_ptr<const BodySealer>& bodies, const Error& why) {
  if (why.kind == ErrorKind::Corrupt) return fail(ErrorKind::Corrupt, "it is damaged");
  const auto file = database_file(folder);
  std::optional<Error> error;
  for (const Access access : {Access::Read, Access::Immutable, Access::Alone}) {
    // A log holds what was committed last.
    if (access == Access::Immutable && (has_bytes(files, file + "-wal") || has_bytes(files, file + "-journal")))
      continue;
    auto pool = std::make_shared<ReaderPool>(file, bodies, access, files.vfs());
    const auto read = try_reading(pool, files, file);
    if (read) return pool;
    if (!error) error = read.error();
  }
  return tl::unexpected<Error>(*error);
}

Result<OpenedToLook> open_to_look(const std::string& file, const std::shared_ptr<const BodySealer>& bodies) {
  ConnectionOptions options;
  options.leaves_log = true;
  options.bodies = bodies;
  const auto open = [&](Access access) -> Result<OpenedToLook> {
    options.access = access;
    auto connection = Connection::open(file, options);
    if (!connection) return tl::unexpected<Error>(connection.error());
    (*connection)->number("PRAGMA user_version");  // the first that is read of it
    if (auto read = (*connection)->outcome("open " + file); !read) return tl::unexpected<Error>(read.error());
    return OpenedToLook{std::move(*connection), access};
  };
  auto look = open(Access::Read);
  if (look || look.error().kind != ErrorKind::Retry) return look;
  if (has_bytes(files_on_disk(), file + "-wal") || has_bytes(files_on_disk(), file + "-journal")) {
    look.error().message +=
        "; its log can be read only where something can be written beside it: copy both to such "
        "a folder";
    return look;
  }
  if (auto alone = open(Access::Immutable)) return alone;
  return look;
}

}  // namespace tether::store
