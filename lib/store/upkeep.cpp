#include "tether/store/upkeep.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "tether/seal/key_file.h"
#include "tether/store/migrations.h"
#include "tether/store/opening.h"

namespace tether::store {
namespace {

std::string why(int error_number) {
  std::string out = std::generic_category().message(error_number);
  if (error_number == EACCES || error_number == EPERM) out += ": do it as the daemon's user, or as root";
  return out;
}

std::string key_file_of(const StoreAt& store) {
  return store.key_file.empty() ? (store.folder / "secrets.key").string() : store.key_file;
}

Result<std::shared_ptr<const BodySealer>> read_key(const StoreAt& store) {
  const auto loaded = seal::load_key({key_file_of(store), /*is_ours=*/false, /*may_make=*/false});
  if (!loaded) return tl::unexpected(loaded.error());
  return std::make_shared<const BodySealer>(loaded->material);
}

Result<std::int64_t> size_of(const std::string& file) {
  struct stat found {};
  if (::stat(file.c_str(), &found) == 0) return static_cast<std::int64_t>(found.st_size);
  if (errno == ENOENT) return fail(ErrorKind::Reject, file + ": there is no store (state_dir, TETHER_STATE_DIR)");
  return fail(ErrorKind::Retry, file + ": " + why(errno));
}

std::filesystem::file_time_type last_written(const std::string& file) {
  std::error_code ignored;
  return std::filesystem::last_write_time(file, ignored);
}

/// A connection to a store, and whether what was read by it is one state.
class Looking {
 public:
  static Result<Looking> at(const std::string& file, const std::shared_ptr<const BodySealer>& bodies) {
    if (::access(file.c_str(), R_OK) != 0) return fail(ErrorKind::Retry, file + ": " + why(errno));
    const auto before = last_written(file);
    auto opened = open_to_look(file, bodies);
    if (!opened) return tl::unexpected(opened.error());
    return Looking(file, before, std::move(*opened));
  }

  Connection& operator*() const { return *opened_.connection; }
  Connection* operator->() const { return opened_.connection.get(); }
  /// After the reading.
  Result<Done> was_whole() const {
    if (opened_.access != Access::Immutable || last_written(file_) == before_) return Done{};
    return fail(ErrorKind::Retry, file_ + " was written meanwhile: try again");
  }

 private:
  Looking(std::string file, std::filesystem::file_time_type before, OpenedToLook opened)
      : file_(std::move(file)), before_(before), opened_(std::move(opened)) {}

  std::string file_;
  std::filesystem::file_time_type before_;
  OpenedToLook opened_;
};

/// Why SQLite could not write there; empty: nothing is known. For the daemon's user, who has no part of what is kept
/// for root; nothing is written to find out.
std::string why_no_room(const std::filesystem::path& folder) {
  constexpr std::uint64_t kLeast = std::uint64_t{1024} * 1024;
  struct statvfs disk {};
  if (::statvfs(folder.c_str(), &disk) != 0) return "";
  if ((disk.f_flag & ST_RDONLY) != 0) return folder.string() + " is on a read-only file system";
  const std::uint64_t left = std::uint64_t{disk.f_bavail} * disk.f_frsize;
  return left < kLeast ? folder.string() + " has less than 1 MB left on its disk" : "";
}

std::int64_t version_known() {
  return static_cast<std::int64_t>(migrations().size());
}

void read_damage(Connection& db, std::string_view pragma, CheckReport& report) {
  auto row = db.query(pragma, kMaxDamageShown);
  while (row.next() && report.damage.size() < kMaxDamageShown) {
    if (row.view(0) != "ok") report.damage.push_back(row.text(0));
  }
}

void try_contents(Connection& db, bool has_key, CheckReport& report) {
  std::string document;
  auto row = db.query("SELECT owner_kind, owner_id, key, key_id, document FROM bodies WHERE key_id <> 0");
  while (row.next()) {
    ++report.encrypted;
    if (!has_key) continue;
    if (!db.bodies().open(row.view(0), row.view(1), row.view(2), row.integer(3), row.view(4), document)) {
      ++report.unreadable;
    }
  }
}

/// It may be empty, or end in a blank.
std::string in_quotes(const std::filesystem::path& file) {
  return "'" + file.string() + "'";
}

/// Writes what is in the file to the disk, and its name in the folder.
Result<Done> sync_file(const std::filesystem::path& file) {
  const auto folder = file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
  for (const auto& path : {file, folder}) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    const bool good = fd >= 0 && ::fsync(fd) == 0;
    const int failed = errno;
    if (fd >= 0) ::close(fd);
    if (!good) return fail(ErrorKind::Retry, path.string() + ": " + why(failed));
  }
  return Done{};
}

/// Never over what is there: a backup is not replaced by a later one of another store.
Result<Done> give_name(const std::filesystem::path& partial, const std::filesystem::path& file) {
  int failed = ::renameat2(AT_FDCWD, partial.c_str(), AT_FDCWD, file.c_str(), RENAME_NOREPLACE) == 0 ? 0 : errno;
  if (failed == EINVAL) failed = ::rename(partial.c_str(), file.c_str()) == 0 ? 0 : errno;  // not known to this disk
  if (failed == EEXIST) return fail(ErrorKind::Reject, file.string() + " is there already: name another file");
  if (failed != 0) return fail(ErrorKind::Retry, "cannot write " + in_quotes(file) + ": " + why(failed));
  return sync_file(file);
}

/// The number that names the key of what is encrypted there.
Result<std::int64_t> copy_to(const std::string& from, const std::filesystem::path& partial,
                             const std::filesystem::path& file) {
  // Made before SQLite opens it, so that it is nobody else's from the beginning.
  ::unlink(partial.c_str());
  const int fd = ::open(partial.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0) return fail(ErrorKind::Retry, "cannot write " + in_quotes(file) + ": " + why(errno));
  ::close(fd);
  const auto db = Looking::at(from, nullptr);
  if (!db) return tl::unexpected(db.error());
  if ((*db)->number("PRAGMA user_version") > version_known()) {
    return fail(ErrorKind::Retry, from + " was written by a newer version");
  }
  (*db)->execute("PRAGMA query_only = OFF");  // it would forbid to write the copy, too
  (*db)->execute("VACUUM INTO ?", partial.string());
  if (auto whole = db->was_whole(); !whole) return tl::unexpected(whole.error());
  const auto key_id = (*db)->number("SELECT value FROM counters WHERE name = 'key_id'");
  if (auto done = (*db)->outcome("cannot write " + in_quotes(file)); !done) return tl::unexpected(done.error());
  return key_id;
}

}  // namespace

Result<CheckReport> check_database(const StoreAt& store) {
  CheckReport report;
  report.file = (store.folder / "tetherd.db").string();
  const auto bytes = size_of(report.file);
  if (!bytes) return tl::unexpected(bytes.error());
  report.bytes = *bytes;
  report.no_room = why_no_room(store.folder);
  const auto key = read_key(store);
  if (!key) report.no_key = key.error().message;
  const auto db = Looking::at(report.file, key ? *key : nullptr);
  if (!db && db.error().kind == ErrorKind::Corrupt) {
    report.damage.push_back(db.error().message);
    return report;
  }
  if (!db) return tl::unexpected(db.error());
  OpenTransaction transaction(**db, "BEGIN");
  const auto version = (*db)->number("PRAGMA user_version");
  read_damage(**db, "SELECT * FROM pragma_integrity_check(?)", report);
  if (report.damage.empty() && !(*db)->error() && version != version_known()) {
    return fail(ErrorKind::Retry, report.file + " is of schema " + std::to_string(version) + ", this program knows " +
                                      std::to_string(version_known()) +
                                      ": an older one is brought up to date when the daemon starts");
  }
  if (report.damage.empty()) {
    // What is still in the log counts, too.
    report.bytes = (*db)->number("PRAGMA page_count") * (*db)->number("PRAGMA page_size");
    report.resources = (*db)->number("SELECT (SELECT count(*) FROM artifacts) + (SELECT count(*) FROM resources)");
    try_contents(**db, key.has_value(), report);
  }
  if (auto whole = db->was_whole(); !whole) return tl::unexpected(whole.error());
  if (const auto error = (*db)->error()) {
    if (error->kind != ErrorKind::Corrupt) return fail(ErrorKind::Retry, report.file + ": " + error->message);
    if (report.damage.empty()) report.damage.push_back(error->message);
  }
  return report;
}

Result<BackupReport> back_up(const StoreAt& store, const std::filesystem::path& file) {
  const std::string from = (store.folder / "tetherd.db").string();
  if (const auto there = size_of(from); !there) return tl::unexpected(there.error());
  std::error_code ignored;
  if (std::filesystem::exists(std::filesystem::symlink_status(file, ignored))) {
    return fail(ErrorKind::Reject, file.string() + " is there already: name another file");
  }
  std::filesystem::path partial = file;
  partial += ".partial";
  const auto key_id = copy_to(from, partial, file);
  auto done = key_id ? sync_file(partial) : tl::unexpected(key_id.error());
  if (done) done = give_name(partial, file);
  if (!done) {
    ::unlink(partial.c_str());
    return tl::unexpected(done.error());
  }
  const auto bytes = size_of(file.string());
  const auto key = read_key(store);
  const bool is_its_key = key && (*key)->key_id() == *key_id;
  return BackupReport{bytes ? *bytes : 0, is_its_key ? key_file_of(store) : ""};
}

}  // namespace tether::store
