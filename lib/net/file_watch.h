#pragma once

#include <functional>
#include <memory>
#include <string>

#include "tether/net/loop.h"

namespace tether::net {

/// Changes closer together than this are told once.
inline constexpr Duration kFileWatchSettle = 100ms;
/// How often the file is looked at besides, in case a watch was missed or cannot be had (no folder yet, no inotify
/// left).
inline constexpr Duration kFileWatchPoll = 5s;

/// Tells when what a path leads to may have changed: created, rewritten, replaced by a rename, removed, or led
/// elsewhere by a symbolic link anywhere on its way (as a mounted Kubernetes secret does). It may call once too often,
/// never not at all. Loop thread only; may be destroyed in its own callback.
class FileWatch {
 public:
  FileWatch(Loop& loop, std::string path, std::function<void()> on_change);
  ~FileWatch();
  FileWatch(const FileWatch&) = delete;
  FileWatch& operator=(const FileWatch&) = delete;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tether::net
