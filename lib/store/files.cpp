#include "tether/store/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

namespace tether::store {
namespace {

constexpr mode_t kFileMode = 0600;  // SQLite gives its -wal and -shm files the mode of the database

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
