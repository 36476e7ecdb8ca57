#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <system_error>

#include "tether/store/files.h"

namespace tether::sim {

/// A disk in memory under the real SQLite (a VFS of its own), which keeps what was written apart from what was synced.
/// One thread. Files appear and go durably; what is in them is durable once it is synced.
class MemoryDisk final : public store::Files {
 public:
  MemoryDisk();
  ~MemoryDisk() override;

  /// Each is as it sounds, from now on.
  struct Faults {
    bool full = false;       ///< No file grows.
    bool read_only = false;  ///< Nothing is written, and files are opened to read only.
    bool writes = false;     ///< Writes and truncations fail.
    bool syncs = false;      ///< Syncs fail, and what they were to make durable will not be.
    bool reads = false;
  };
  Faults faults;

  /// After so many more writes, truncations, syncs and deletions every call fails, until `kill` or `cut_power`.
  void die_after(std::int64_t operations) { left_ = operations + 1; }
  bool is_dead() const { return left_ == 0; }

  /// The process that has files open is gone: what it wrote stays, what it does from now on fails.
  void kill();
  /// Likewise, and of what was written and not synced only those writes are left for which `keeps` says so, in order.
  void cut_power(const std::function<bool()>& keeps);

  /// Overwrites bytes of a file, durably, with others. Nothing happens past its end.
  void spoil(const std::string& file, std::size_t at, std::size_t count);
  /// Writes, truncations, syncs and deletions so far.
  std::int64_t operations() const { return operations_; }

  const char* vfs() const override { return name_.c_str(); }
  std::error_code make(const std::string& file) const override;
  std::uintmax_t size(const std::string& file, std::error_code& error) const override;
  std::error_code rewrite(const std::string& file) const override;
  std::uint64_t identity(const std::string& file) const override;
  std::error_code rename(const std::string& from, const std::string& to) const override;
  std::error_code remove(const std::string& file) const override;

 private:
  struct Vfs;
  struct File;
  struct Handle;
  struct Shared;

  void stop();
  std::shared_ptr<File> new_file() const;
  bool works(const Handle& handle) const;
  /// Counts one operation that changes something. False: the disk is dead.
  bool operate();

  std::string name_;
  std::unique_ptr<Vfs> vfs_;
  mutable std::map<std::string, std::shared_ptr<File>> files_;
  std::map<std::string, std::shared_ptr<Shared>> shared_;  ///< SQLite's memory beside a log, by the database's name.
  mutable std::uint64_t files_made_ = 0;
  std::uint64_t life_ = 0;  ///< Handles of an earlier one are dead.
  std::int64_t left_ = -1;  ///< Operations until it dies; negative: never.
  std::int64_t operations_ = 0;
};

}  // namespace tether::sim
