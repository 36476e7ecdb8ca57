// Preloaded into the daemon (LD_PRELOAD): ends it at the n-th system call that changes its state folder, as `kill -9`
// or as a power cut would. What it is told, by the environment:
//
//   TETHER_CUT_FOLDER  the state folder; calls elsewhere pass
//   TETHER_CUT_AT      n, from 1; 0: never
//   TETHER_CUT_WHEN    a file; calls are counted from when it is there. Not set: from the first one
//   TETHER_CUT_HOW     what becomes of the n-th call and of those before it, see `How`
//   TETHER_CUT_REPORT  a file that gets one line: number and name of the call at which it was cut
//   TETHER_CUT_LEFT    after a power cut: the folder that is made of what the disk has kept. The test puts it in the
//                      state folder's place
//   TETHER_CUT_SEED    draws what a power cut keeps beyond that
//
// The disk is modelled as POSIX lets it be: the bytes of a file are safe after fsync or fdatasync of the file, its name
// after that of the folder. SQLite's shared memory is mapped and not followed; it is made anew at each recovery.
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace {

namespace fs = std::filesystem;

enum class How {
  Kill,       ///< Killed before the call; what was written stays.
  KillTorn,   ///< The same, and half of the bytes of a write are there.
  PowerCut,   ///< Only what was synced is left.
  PowerSome,  ///< That, and of the rest any part: some writes, some halves of writes, the first of the renames.
};

How how_from(std::string_view name) {
  if (name == "torn") return How::KillTorn;
  if (name == "power") return How::PowerCut;
  return name == "power-some" ? How::PowerSome : How::Kill;
}

std::string setting(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

template <class Function>
Function* real(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

/// By `Cutter::name_of`: a file of the state folder.
bool is_file(const std::string& name) {
  return !name.empty() && name != "." && name != "..";
}

struct Write {
  bool truncates = false;
  std::uint64_t at = 0;  ///< Or the new size.
  std::string bytes;
};

void put(const Write& write, std::string& content) {
  if (write.truncates) return content.resize(write.at);
  if (content.size() < write.at + write.bytes.size()) content.resize(write.at + write.bytes.size());
  content.replace(write.at, write.bytes.size(), write.bytes);
}

struct File {
  std::string safe;
  std::vector<Write> unsafe;
};

/// The names of the folder after each change that is not safe yet; files are numbered.
using Names = std::map<std::string, int>;

class Cutter {
 public:
  Cutter()
      : folder_(setting("TETHER_CUT_FOLDER")),
        above_(fs::path(folder_).parent_path()),
        at_(std::strtoull(setting("TETHER_CUT_AT").c_str(), nullptr, 10)),
        when_(setting("TETHER_CUT_WHEN")),
        how_(how_from(setting("TETHER_CUT_HOW"))),
        random_(static_cast<std::uint32_t>(std::strtoull(setting("TETHER_CUT_SEED").c_str(), nullptr, 10))) {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(folder_, error)) take_over(entry.path());
    history_ = {now_};
  }

  std::recursive_mutex& mutex() { return mutex_; }

  /// The name below the state folder, "." for itself, ".." for the folder above it; empty: it is elsewhere.
  std::string name_of(const std::string& path) const {
    if (path == folder_) return ".";
    if (path == above_) return "..";
    return path.starts_with(folder_ + "/") ? path.substr(folder_.size() + 1) : "";
  }

  std::string name_of(int fd) const {
    char path[4096];
    const auto length = ::readlink(("/proc/self/fd/" + std::to_string(fd)).c_str(), path, sizeof path);
    return length <= 0 ? "" : name_of(std::string(path, static_cast<std::size_t>(length)));
  }

  /// Before each call that counts. Does not return if this is the one.
  void count(const char* call, const std::string& name) {
    if (!is_armed()) return;
    ++calls_;
    if (calls_ == at_) cut(call, name);
  }

  /// Before a write; `tear` writes the first half.
  template <class Tear>
  void count_write(const char* call, const std::string& name, Tear tear) {
    if (is_armed() && calls_ + 1 == at_ && how_ == How::KillTorn) tear();
    count(call, name);
  }

  void made(const std::string& name, int fd) {
    const int number = next_++;
    files_[number] = {};
    numbers_[inode_of(fd)] = number;
    now_[name] = number;
    history_.push_back(now_);
  }

  void wrote(int fd, Write write) {
    const auto known = numbers_.find(inode_of(fd));
    if (known != numbers_.end()) files_[known->second].unsafe.push_back(std::move(write));
  }

  void synced(int fd, const std::string& name) {
    if (name == ".") history_ = {now_};
    if (name == "..") folder_is_safe_ = true;
    const auto known = numbers_.find(inode_of(fd));
    if (known == numbers_.end()) return;
    File& file = files_[known->second];
    for (const Write& write : file.unsafe) put(write, file.safe);
    file.unsafe.clear();
  }

  void renamed(const std::string& from, const std::string& to) {
    if (const auto moved = now_.extract(from); moved && is_file(to)) now_[to] = moved.mapped();
    history_.push_back(now_);
  }

  void removed(const std::string& name) {
    now_.erase(name);
    history_.push_back(now_);
  }

  void made_folder() { folder_is_safe_ = false; }

 private:
  bool is_armed() {
    if (!when_.empty() && ::access(when_.c_str(), F_OK) == 0) when_.clear();
    return when_.empty();
  }

  /// What is there at the start is safe.
  void take_over(const fs::path& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return;
    std::ifstream file(path, std::ios::binary);
    const int number = next_++;
    files_[number].safe.assign(std::istreambuf_iterator<char>(file), {});
    numbers_[status.st_ino] = number;
    now_[path.filename()] = number;
  }

  static ino_t inode_of(int fd) {
    struct stat status {};
    return ::fstat(fd, &status) == 0 ? status.st_ino : 0;
  }

  int up_to(int most) { return std::uniform_int_distribution(0, most)(random_); }

  [[noreturn]] void cut(const char* call, const std::string& name) {
    at_ = 0;  // what follows are our own calls
    if (how_ == How::PowerCut || how_ == How::PowerSome) leave();
    std::ofstream(setting("TETHER_CUT_REPORT")) << calls_ << " " << call << " " << name << "\n";
    ::kill(::getpid(), SIGKILL);
    while (true) ::pause();
  }

  void leave() {
    const fs::path left = setting("TETHER_CUT_LEFT");
    if (how_ == How::PowerCut && !folder_is_safe_) return;
    fs::create_directory(left);
    fs::permissions(left, fs::perms::owner_all);
    const auto last = static_cast<int>(history_.size()) - 1;
    const auto& names = history_[static_cast<std::size_t>(how_ == How::PowerCut ? 0 : up_to(last))];
    for (const auto& [name, number] : names) {
      std::ofstream(left / name, std::ios::binary) << left_of(files_[number]);
      fs::permissions(left / name, fs::perms::owner_read | fs::perms::owner_write);
    }
  }

  std::string left_of(const File& file) {
    std::string content = file.safe;
    if (how_ == How::PowerCut) return content;
    for (Write write : file.unsafe) {
      const int fate = up_to(3);  // two in four arrive, one in four does not, one is torn
      if (fate == 0) continue;
      if (fate == 1) write.bytes.resize(write.bytes.size() / 2);
      put(write, content);
    }
    return content;
  }

  const std::string folder_;
  const std::string above_;
  std::uint64_t at_;
  std::string when_;  ///< Empty: calls are counted.
  const How how_;
  std::mt19937 random_;
  std::recursive_mutex mutex_;
  std::uint64_t calls_ = 0;
  std::map<ino_t, int> numbers_;
  std::map<int, File> files_;
  int next_ = 1;
  Names now_;
  std::vector<Names> history_{{}};
  bool folder_is_safe_ = true;
};

/// From the moment on when it is made, at the start; never destroyed, since threads may write to the end.
Cutter* cutter = nullptr;

__attribute__((constructor)) void begin() {
  if (!setting("TETHER_CUT_FOLDER").empty()) cutter = new Cutter;
}

/// Empty also before the start.
template <class Place>
std::string name_of(const Place& place) {
  return cutter == nullptr ? "" : cutter->name_of(place);
}

std::string absolute(const char* path) {
  std::error_code error;
  return path == nullptr ? "" : fs::absolute(path, error).lexically_normal().string();
}

using Lock = std::lock_guard<std::recursive_mutex>;

int open_with(const char* call, int folder, const char* path, int flags, mode_t mode) {
  using OpenAt = int(int, const char*, int, ...);
  static auto* const open_at = real<OpenAt>("openat64");
  const std::string name = path != nullptr && path[0] == '/' ? name_of(absolute(path)) : "";
  const bool may_make = (flags & O_CREAT) != 0;
  if (!is_file(name) || !may_make) return open_at(folder, path, flags, mode);
  const Lock lock(cutter->mutex());
  const bool is_new = ::access(path, F_OK) != 0;
  if (is_new) cutter->count(call, name);
  const int fd = open_at(folder, path, flags, mode);
  if (fd >= 0 && is_new) cutter->made(name, fd);
  if (fd >= 0 && !is_new && (flags & O_TRUNC) != 0) cutter->wrote(fd, {true, 0, ""});
  return fd;
}

ssize_t write_with(const char* call, int fd, const void* bytes, std::size_t size, off64_t at) {
  using PWrite = ssize_t(int, const void*, std::size_t, off64_t);
  using PlainWrite = ssize_t(int, const void*, std::size_t);
  static auto* const pwrite_at = real<PWrite>("pwrite64");
  static auto* const plain_write = real<PlainWrite>("write");
  const auto pass = [&](std::size_t count) {
    return at >= 0 ? pwrite_at(fd, bytes, count, at) : plain_write(fd, bytes, count);
  };
  const std::string name = name_of(fd);
  if (!is_file(name)) return pass(size);
  const Lock lock(cutter->mutex());
  cutter->count_write(call, name, [&] { pass(size / 2); });
  const off64_t place = at >= 0 ? at : ::lseek64(fd, 0, SEEK_CUR);
  const ssize_t done = pass(size);
  if (done > 0) {
    const std::string_view all(static_cast<const char*>(bytes), static_cast<std::size_t>(done));
    cutter->wrote(fd, {false, static_cast<std::uint64_t>(place), std::string(all)});
  }
  return done;
}

int sync_with(const char* call, int fd) {
  auto* const sync = real<int(int)>(call);
  const std::string name = name_of(fd);
  if (name.empty()) return sync(fd);
  const Lock lock(cutter->mutex());
  cutter->count(call, name);
  const int status = sync(fd);
  if (status == 0) cutter->synced(fd, name);
  return status;
}

int truncate_with(const char* call, int fd, off64_t size) {
  auto* const truncate = real<int(int, off64_t)>("ftruncate64");
  const std::string name = name_of(fd);
  if (!is_file(name)) return truncate(fd, size);
  const Lock lock(cutter->mutex());
  cutter->count(call, name);
  const int status = truncate(fd, size);
  if (status == 0) cutter->wrote(fd, {true, static_cast<std::uint64_t>(size), ""});
  return status;
}

int remove_with(const char* call, const char* path) {
  auto* const remove = real<int(const char*)>(call);
  const std::string name = name_of(absolute(path));
  if (name.empty()) return remove(path);
  const Lock lock(cutter->mutex());
  if (::access(path, F_OK) == 0) cutter->count(call, name);
  const int status = remove(path);
  if (status == 0) cutter->removed(name);
  return status;
}

}  // namespace

extern "C" {

int open(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const auto mode = static_cast<mode_t>((flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(rest, unsigned) : 0);
  va_end(rest);
  return open_with("open", AT_FDCWD, path, flags, mode);
}

int open64(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const auto mode = static_cast<mode_t>((flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(rest, unsigned) : 0);
  va_end(rest);
  return open_with("open", AT_FDCWD, path, flags, mode);
}

int openat(int folder, const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const auto mode = static_cast<mode_t>((flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(rest, unsigned) : 0);
  va_end(rest);
  return open_with("open", folder, path, flags, mode);
}

ssize_t write(int fd, const void* bytes, size_t size) {
  return write_with("write", fd, bytes, size, -1);
}
ssize_t pwrite(int fd, const void* bytes, size_t size, off_t at) {
  return write_with("write", fd, bytes, size, at);
}
ssize_t pwrite64(int fd, const void* bytes, size_t size, off64_t at) {
  return write_with("write", fd, bytes, size, at);
}
int fsync(int fd) {
  return sync_with("fsync", fd);
}
int fdatasync(int fd) {
  return sync_with("fdatasync", fd);
}
int ftruncate(int fd, off_t size) noexcept {
  return truncate_with("ftruncate", fd, size);
}
int ftruncate64(int fd, off64_t size) noexcept {
  return truncate_with("ftruncate", fd, size);
}
int unlink(const char* path) noexcept {
  return remove_with("unlink", path);
}
int remove(const char* path) noexcept {
  return remove_with("remove", path);
}

int rename(const char* from, const char* to) noexcept {
  auto* const move = real<int(const char*, const char*)>("rename");
  const std::string name = name_of(absolute(from));
  if (name.empty()) return move(from, to);
  const Lock lock(cutter->mutex());
  cutter->count("rename", name);
  const int status = move(from, to);
  if (status == 0) cutter->renamed(name, name_of(absolute(to)));
  return status;
}

int mkdir(const char* path, mode_t mode) noexcept {
  auto* const make = real<int(const char*, mode_t)>("mkdir");
  if (name_of(absolute(path)) != ".") return make(path, mode);
  const Lock lock(cutter->mutex());
  const int status = make(path, mode);
  if (status == 0) cutter->made_folder();
  return status;
}

}  // extern "C"
