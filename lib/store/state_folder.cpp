#include "tether/store/state_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace tether::store {
namespace {

constexpr mode_t kFolderMode = 0700;
constexpr mode_t kFileMode = 0600;

std::string reason_of(int error) {
  return std::generic_category().message(error);
}

/// The process id that the holder wrote, for the message only.
std::string holder_of(int lock) {
  std::array<char, 32> text{};
  const auto length = ::pread(lock, text.data(), text.size(), /*offset=*/0);
  std::string pid;
  for (std::size_t i = 0; length > 0 && i < static_cast<std::size_t>(length); ++i) {
    if (text[i] < '0' || text[i] > '9') break;
    pid += text[i];
  }
  return pid.empty() ? "another process" : "process " + pid;
}

/// A folder's name outlasts a power cut once the folder above it is synced; what is inside alone does not do it. Where
/// that folder can't be opened or synced, as some file systems have it, a start is worth more.
void sync_folder_above(const std::filesystem::path& path) {
  const auto above = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  const int opened = ::open(above.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (opened < 0) return;
  static_cast<void>(::fsync(opened));
  ::close(opened);
}

Result<Done> make_folder(const std::filesystem::path& path) {
  std::error_code error;
  std::vector<std::filesystem::path> made{path};  // also if it is there: its maker may not have come to the sync
  for (auto above = path.parent_path(); !above.empty() && !std::filesystem::exists(above, error);
       above = above.parent_path()) {
    made.push_back(above);
  }
  if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path(), error);
  if (error) return fail(ErrorKind::Retry, "make " + path.parent_path().string() + ": " + error.message());
  if (::mkdir(path.c_str(), kFolderMode) != 0 && errno != EEXIST) {
    return fail(ErrorKind::Retry, "make " + path.string() + ": " + reason_of(errno));
  }
  for (const auto& folder : made) sync_folder_above(folder);
  return Done{};
}

/// Not a mistake of whoever set the path: it can pass.
bool is_trouble_of_the_disk(int error) {
  return error == EROFS || error == ENOSPC || error == EDQUOT;
}

bool is_ours(std::string_view name) {
  return name.starts_with("tetherd.") || name.starts_with("secrets.key");
}

}  // namespace

Result<std::unique_ptr<StateFolder>> StateFolder::take(const std::filesystem::path& path) {
  std::unique_ptr<StateFolder> folder(new StateFolder(path));
  if (auto locked = folder->lock(); !locked) return tl::unexpected<Error>(locked.error());
  folder->close_to_others();
  return folder;
}

Result<Done> StateFolder::lock() {
  if (auto made = make_folder(path_); !made) return wrap("state folder", made.error());
  const auto cannot = [](const std::string& what, const std::filesystem::path& name, int error) {
    return fail(ErrorKind::Retry, "state folder: " + what + " " + name.string() + ": " + reason_of(error));
  };
  const auto file = path_ / "tetherd.lock";
  const auto in_use = [this, &file] {
    const int lock = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
    const auto holder = holder_of(lock);
    if (lock >= 0) ::close(lock);
    return fail(ErrorKind::Reject, "state folder " + path_.string() + " is in use by " + holder);
  };

  folder_ = ::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder_ < 0) return cannot("open", path_, errno);
  const bool has_folder = ::flock(folder_, LOCK_EX | LOCK_NB) == 0;
  if (!has_folder && errno == EWOULDBLOCK) return in_use();

  lock_ = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kFileMode);
  if (lock_ < 0) {
    const int error = errno;
    if (!has_folder || !is_trouble_of_the_disk(error)) return cannot("open", file, error);
    return Done{};
  }
  if (::flock(lock_, LOCK_EX | LOCK_NB) != 0) {
    return errno == EWOULDBLOCK ? in_use() : cannot("lock", file, errno);
  }
  // Only for the message of the next one: a full disk does not stop us from holding the lock.
  const auto pid = std::to_string(::getpid()) + "\n";
  const bool told = ::ftruncate(lock_, 0) == 0 && ::pwrite(lock_, pid.data(), pid.size(), 0) > 0;
  static_cast<void>(told);
  return Done{};
}

Result<Done> StateFolder::hold() {
  struct stat held {};
  struct stat named {};
  const bool same = folder_ >= 0 && ::fstat(folder_, &held) == 0 && ::stat(path_.c_str(), &named) == 0 &&
                    held.st_dev == named.st_dev && held.st_ino == named.st_ino;
  if (same) return Done{};
  release();
  auto locked = lock();
  if (!locked) release();  // all of it again the next time
  return locked;
}

void StateFolder::close_to_others() {
  constexpr mode_t kOthers = 0077;
  struct stat status {};
  bool is_shared = false;  // a folder of ours holds our files alone
  std::size_t closed = 0;
  std::error_code error;
  for (std::filesystem::directory_iterator it(path_, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename();
    is_shared = is_shared || !is_ours(name);
    if (!is_ours(name) || ::fstatat(folder_, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if (!S_ISREG(status.st_mode) || (status.st_mode & kOthers) == 0) continue;
    if (::fchmodat(folder_, name.c_str(), kFileMode, /*flags=*/0) == 0) ++closed;
  }
  if (closed > 0) {
    notes_.push_back(std::to_string(closed) + " files in " + path_.string() +
                     " could be read or written by others; now they cannot");
  }
  if (::fstat(folder_, &status) != 0 || (status.st_mode & kOthers) == 0) return;
  const bool mended = !is_shared && ::fchmod(folder_, kFolderMode) == 0;
  notes_.push_back("the state folder " + path_.string() +
                   (mended ? " was open to others; now it is not" : " is open to others: its mode should be 0700"));
}

void StateFolder::release() {
  for (int* const descriptor : {&lock_, &folder_}) {
    if (*descriptor >= 0) ::close(*descriptor);
    *descriptor = -1;
  }
}

StateFolder::~StateFolder() {
  release();
}

}  // namespace tether::store
