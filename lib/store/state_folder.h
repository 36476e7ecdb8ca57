#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "tether/base/result.h"

namespace tether::store {

/// The folder that one daemon keeps its state in, locked for as long as this object lives (flock on `tetherd.lock` and
/// on the folder itself, so the kernel lets go of it however the process ends). Apart from the store, so that a second
/// daemon is refused even while the store itself cannot be opened. The lock on the folder alone is enough where the
/// file can't be made or written: on a disk that is full or read-only, which must not keep a daemon from starting.
///
/// Use on any thread; must outlive every Store opened in it.
class StateFolder {
 public:
  /// Creates the folder (0700) and its parents if they are missing, so that a power cut does not take them back. One
  /// that is there is closed to others, and so are our files in it; `notes` says so. A folder with anything else in it
  /// keeps its mode.
  /// Reject: another process holds it; the message names folder and process. Retry: it cannot be made, or this user may
  /// not write to it.
  static Result<std::unique_ptr<StateFolder>> take(const std::filesystem::path& path);

  ~StateFolder();
  StateFolder(const StateFolder&) = delete;
  StateFolder& operator=(const StateFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  /// For the operator: what was mended when it was taken. Usually empty.
  const std::vector<std::string>& notes() const { return notes_; }

  /// Makes and locks it anew if it was taken away or replaced. Errors as `take`. The thread of the Store.
  Result<Done> hold();

 private:
  explicit StateFolder(std::filesystem::path path) : path_(std::move(path)) {}
  Result<Done> lock();
  void release();
  void close_to_others();

  std::filesystem::path path_;
  int folder_ = -1;
  int lock_ = -1;  ///< -1: the file cannot be had.
  std::vector<std::string> notes_;
};

}  // namespace tether::store
