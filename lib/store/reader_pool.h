#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "tether/base/result.h"
#include "tether/store/connection.h"

namespace tether::store {

/// Connections to read through, kept for the next time. Any thread.
class ReaderPool {
 public:
  ReaderPool(std::string file, std::shared_ptr<const BodySealer> bodies, Access access = Access::Read,
             const char* vfs = nullptr)
      : file_(std::move(file)), bodies_(std::move(bodies)), access_(access), vfs_(vfs) {}

  /// Retry: it cannot be opened, or the only one that there may be (Access::Alone) is out.
  Result<std::unique_ptr<Connection>> take();
  /// Keeps it, without its pages, unless enough are kept or it has failed.
  void give_back(std::unique_ptr<Connection> connection);
  /// Closes what is kept. False: one is out, and the file still open.
  bool close();

 private:
  std::string file_;
  std::shared_ptr<const BodySealer> bodies_;
  Access access_;
  const char* vfs_;
  std::mutex mutex_;
  int out_ = 0;
  std::vector<std::unique_ptr<Connection>> idle_;
};

}  // namespace tether::store
