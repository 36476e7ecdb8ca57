#pragma once

#include <filesystem>
#include <memory>

#include "tether/base/result.h"

namespace tether::store {

/// The folder that one daemon keeps its state in, locked for as long as this object lives (flock on `tetherd.lock`, so
/// the kernel lets go of it however the process ends). Apart from the store, so that a second daemon is refused even
/// while the store itself cannot be opened.
///
/// Use on any thread; must outlive every Store opened in it.
class StateFolder {
 public:
  /// Creates the folder (0700) and its parents if they are missing; one that is there keeps its mode.
  /// Reject: another process holds it; the message names folder and process. Retry: it cannot be made or written.
  static Result<std::unique_ptr<StateFolder>> take(const std::filesystem::path& path);

  ~StateFolder();
  StateFolder(const StateFolder&) = delete;
  StateFolder& operator=(const StateFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  StateFolder(std::filesystem::path path, int lock) : path_(std::move(path)), lock_(lock) {}

  std::filesystem::path path_;
  int lock_;
};

}  // namespace tether::store
