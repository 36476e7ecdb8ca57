#pragma once

#include <cstdint>
#include <string>
#include <system_error>

namespace tether::store {

/// Where a store's files are, beside what SQLite itself does with them. This class is the disk; a test may put another
/// in its place, together with a VFS of SQLite. Any thread.
class Files {
 public:
  Files() = default;
  virtual ~Files() = default;
  Files(const Files&) = delete;
  Files& operator=(const Files&) = delete;

  /// The name of SQLite's VFS through which the files are opened; null: its default.
  virtual const char* vfs() const { return nullptr; }
  /// Makes the file, empty, if it is not there. Its owner alone may read and write it from then on.
  virtual std::error_code make(const std::string& file) const;
  /// In bytes. `error` is no_such_file_or_directory if it is not there.
  virtual std::uintmax_t size(const std::string& file, std::error_code& error) const;
  /// Tells one file from another that took its place under its name; 0: none is there.
  virtual std::uint64_t identity(const std::string& file) const;
  /// Writes once more what the file holds, and syncs it; no error if it is not there. After a sync that failed the
  /// kernel takes for written what is not on the disk, and no later sync mends that: only new writes do.
  virtual std::error_code rewrite(const std::string& file) const;
  virtual std::error_code rename(const std::string& from, const std::string& to) const;
  /// No error if it is not there.
  virtual std::error_code remove(const std::string& file) const;
};

/// The disk.
const Files& files_on_disk();

}  // namespace tether::store
