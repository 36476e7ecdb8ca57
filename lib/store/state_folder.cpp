#include "tether/store/state_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>
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

}  // namespace

Result<std::unique_ptr<StateFolder>> StateFolder::take(const std::filesystem::path& path) {
  if (auto made = make_folder(path); !made) return wrap("state folder", made.error());
  const auto cannot = [](const std::string& what, const std::filesystem::path& name, int error) {
    return fail(ErrorKind::Retry, "state folder: " + what + " " + name.string() + ": " + reason_of(error));
  };
  const auto file = path / "tetherd.lock";
  const auto in_use = [&path, &file] {
    const int lock = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
    const auto holder = holder_of(lock);
    if (lock >= 0) ::close(lock);
    return fail(ErrorKind::Reject, "state folder " + path.string() + " is in use by " + holder);
  };

  const int opened = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (opened < 0) return cannot("open", path, errno);
  std::unique_ptr<StateFolder> folder(new StateFolder(path, opened));
  const bool has_folder = ::flock(opened, LOCK_EX | LOCK_NB) == 0;
  if (!has_folder && errno == EWOULDBLOCK) return in_use();

  folder->lock_ = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kFileMode);
  if (folder->lock_ < 0) {
    const int error = errno;
    if (!has_folder || !is_trouble_of_the_disk(error)) return cannot("open", file, error);
    return folder;
  }
  if (::flock(folder->lock_, LOCK_EX | LOCK_NB) != 0) {
    return errno == EWOULDBLOCK ? in_use() : cannot("lock", file, errno);
  }
  // Only for the message of the next one: a full disk does not stop us from holding the lock.
  const auto pid = std::to_string(::getpid()) + "\n";
  const bool told = ::ftruncate(folder->lock_, 0) == 0 && ::pwrite(folder->lock_, pid.data(), pid.size(), 0) > 0;
  static_cast<void>(told);
  return folder;
}

StateFolder::~StateFolder() {
  if (lock_ >= 0) ::close(lock_);
  ::close(folder_);
}

}  // namespace tether::store
