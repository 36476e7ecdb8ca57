#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <string>
#include <string_view>

#include "tether/base/check.h"

namespace tether::fuzz {

/// A regular file that is in memory only and can be opened by its path: what is read by path is fuzzed without a disk.
class TempFile {
 public:
  TempFile() : fd_(::memfd_create("fuzz", MFD_CLOEXEC)), path_("/proc/self/fd/" + std::to_string(fd_)) {
    check(fd_ >= 0, "a file in memory can be made");
  }
  ~TempFile() { ::close(fd_); }
  TempFile(const TempFile&) = delete;
  TempFile& operator=(const TempFile&) = delete;

  void hold(std::string_view content) const {
    check(::ftruncate(fd_, 0) == 0, "a file in memory can be emptied");
    const ssize_t written = ::pwrite(fd_, content.data(), content.size(), 0);
    check(written == static_cast<ssize_t>(content.size()), "a file in memory can be written");
  }
  const std::string& path() const { return path_; }

 private:
  int fd_;
  std::string path_;
};

}  // namespace tether::fuzz
