#include "tether/store/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <vector>

namespace tether::store {
namespace {

constexpr mode_t kFileMode = 0600;  // SQLite gives its -wal and -shm files the mode of the database
constexpr std::size_t kBlockBytes = 64UL * 1024;

bool write_again(int file) {
  std::vector<char> block(kBlockBytes);
  off_t at = 0;
  while (true) {
    const ssize_t got = ::pread(file, block.data(), block.size(), at);
    if (got <= 0) return got == 0;
    for (ssize_t done = 0; done < got;) {
      const ssize_t wrote = ::pwrite(file, block.data() + done, static_cast<std::size_t>(got - done), at + done);
      if (wrote < 0) return false;
      done += wrote;
    }
    at += got;
  }
}

}  // namespace

std::error_code Files::make(const std::string& file) const {
  const int made = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kFileMode);
  const bool ok = made >= 0 && ::fchmod(made, kFileMode) == 0;
  const int error = errno;
  if (made >= 0) ::close(made);
  return ok ? std::error_code() : std::error_code(error, std::generic_category());
}

std::uintmax_t Files::size(const std::string& file, std::error_code& error) const {
  return std::filesystem::file_size(file, error);
}

std::uint64_t Files::identity(const std::string& file) const {
  struct stat status {};
  if (::stat(file.c_str(), &status) != 0) return 0;
  constexpr std::uint64_t kSpread = 0x9e3779b97f4a7c15U;  // devices and inodes are small numbers
  return status.st_dev * kSpread + status.st_ino;
}

std::error_code Files::rewrite(const std::string& file) const {
  const int opened = ::open(file.c_str(), O_RDWR | O_CLOEXEC);
  if (opened < 0) return errno == ENOENT ? std::error_code() : std::error_code(errno, std::generic_category());
  const bool ok = write_again(opened) && ::fsync(opened) == 0;
  const int error = errno;
  ::close(opened);
  return ok ? std::error_code() : std::error_code(error, std::generic_category());
}

std::error_code Files::rename(const std::string& from, const std::string& to) const {
  std::error_code error;
  std::filesystem::rename(from, to, error);
  return error;
}

std::error_code Files::remove(const std::string& file) const {
  std::error_code error;
  std::filesystem::remove(file, error);
  return error;
}

const Files& files_on_disk() {
  static const Files disk;
  return disk;
}

}  // namespace tether::store
