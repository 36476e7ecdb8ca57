#include "tether/net/file_watch.h"

#include <fcntl.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <system_error>
#include <utility>

#include "tether/tls/fingerprint.h"

namespace tether::net {
namespace {

namespace fs = std::filesystem;

/// As many symbolic links as the kernel follows in one path.
constexpr int kMaxLinks = 40;
constexpr std::uint32_t kEvents =
    IN_CREATE | IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ONLYDIR;

/// The names whose change can change what a path leads to, by folder: the file itself and every symbolic link on the
/// way.
using Names = std::map<std::string, std::set<std::string>>;

Names names_on_the_way(const fs::path& path) {
  Names names;
  std::error_code error;
  fs::path rest = fs::absolute(path, error).lexically_normal();
  for (int links = 0; links <= kMaxLinks; ++links) {
    fs::path walked = rest.root_path();
    bool found_link = false;
    const fs::path relative = rest.relative_path();
    for (auto part = relative.begin(); part != relative.end(); ++part) {
      const fs::path at = walked / *part;
      const bool is_link = fs::is_symlink(fs::symlink_status(at, error));
      if (is_link || std::next(part) == relative.end()) names[walked.string()].insert(part->string());
      if (!is_link) {
        walked = at;
        continue;
      }
      fs::path onward = walked / fs::read_symlink(at, error);
      for (auto later = std::next(part); later != relative.end(); ++later) onward /= *later;
      rest = onward.lexically_normal();
      found_link = true;
      break;
    }
    if (!found_link) break;
  }
  return names;
}

}  // namespace

struct FileWatch::Impl {
  Impl(Loop& loop, std::string p, std::function<void()> callback)
      : path(std::move(p)),
        on_change(std::move(callback)),
        inotify(inotify_init1(IN_NONBLOCK | IN_CLOEXEC)),
        fingerprint(tls::fingerprint_of_file(path)),
        settle(loop, [this] { tell(); }),
        poll(loop, [this] { look(); }) {
    if (inotify >= 0) readable.emplace(loop, inotify, [this] { on_readable(); });
    watch();
    poll.arm(Clock::now() + kFileWatchPoll);
  }
  ~Impl() {
    readable.reset();
    if (inotify >= 0) ::close(inotify);
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  /// Watches the folders that matter now, and no others. What cannot be watched is left to the poll.
  void watch() {
    names = names_on_the_way(path);
    std::map<int, std::string> wanted;
    for (const auto& [folder, unused] : names) {
      const int id = inotify < 0 ? -1 : inotify_add_watch(inotify, folder.c_str(), kEvents);
      if (id >= 0) wanted.emplace(id, folder);
    }
    for (const auto& [id, folder] : folders) {
      if (wanted.count(id) == 0) inotify_rm_watch(inotify, id);
    }
    folders = std::move(wanted);
  }

  void on_readable() {
    alignas(inotify_event) std::array<char, 4096> buffer{};
    bool matters = false;
    for (;;) {
      const ssize_t count = ::read(inotify, buffer.data(), buffer.size());
      if (count <= 0) break;
      for (std::size_t at = 0; at < static_cast<std::size_t>(count);) {
        inotify_event event{};
        std::memcpy(&event, buffer.data() + at, sizeof event);
        // The name is padded with zeros.
        matters = concerns_us(event, event.len > 0 ? buffer.data() + at + sizeof event : "") || matters;
        at += sizeof event + event.len;
      }
    }
    if (matters) settle.arm(Clock::now() + kFileWatchSettle);
  }

  bool concerns_us(const inotify_event& event, const std::string& name) const {
    if ((event.mask & IN_Q_OVERFLOW) != 0) return true;
    const auto folder = folders.find(event.wd);
    if (folder == folders.end()) return false;
    if (name.empty()) return true;  // The folder itself went or changed.
    const auto here = names.find(folder->second);
    return here != names.end() && here->second.count(name) > 0;
  }

  void tell() {
    watch();
    fingerprint = tls::fingerprint_of_file(path);
    const auto callback = on_change;  // Survives the destruction of its watch.
    callback();
  }

  void look() {
    poll.arm(Clock::now() + kFileWatchPoll);
    if (fingerprint != tls::fingerprint_of_file(path)) return tell();
    watch();
  }

  std::string path;
  std::function<void()> on_change;
  int inotify;
  std::optional<FdWatch> readable;
  Names names;
  std::map<int, std::string> folders;  ///< By inotify's watch descriptor.
  std::string fingerprint;
  Timer settle;
  Timer poll;
};

FileWatch::FileWatch(Loop& loop, std::string path, std::function<void()> on_change)
    : impl_(std::make_unique<Impl>(loop, std::move(path), std::move(on_change))) {}

FileWatch::~FileWatch() = default;

}  // namespace tether::net
