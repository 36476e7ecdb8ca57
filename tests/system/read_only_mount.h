#pragma once

#include <sched.h>
#include <sys/mount.h>

#include <string>

namespace tether::test {

/// A folder on a read-only file system for this thread and the processes that it starts, until this goes.
class ReadOnlyMount {
 public:
  explicit ReadOnlyMount(std::string path) : path_(std::move(path)) {
    made_ = ::unshare(CLONE_NEWNS) == 0 && ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
            ::mount(path_.c_str(), path_.c_str(), nullptr, MS_BIND, nullptr) == 0 && remount(MS_RDONLY);
  }
  ~ReadOnlyMount() { ::umount2(path_.c_str(), MNT_DETACH); }
  ReadOnlyMount(const ReadOnlyMount&) = delete;
  ReadOnlyMount& operator=(const ReadOnlyMount&) = delete;

  /// False: this user may not mount.
  bool is_made() const { return made_; }
  bool make_writable() { return remount(0); }

 private:
  bool remount(unsigned long flags) {
    return ::mount(nullptr, path_.c_str(), nullptr, MS_REMOUNT | MS_BIND | flags, nullptr) == 0;
  }

  std::string path_;
  bool made_ = false;
};

}  // namespace tether::test
