#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "tether/base/result.h"
#include "tether/store/connection.h"

namespace tether::store {

/// Connections for pushes, kept for the next one. Any thread.
class ReaderPool {
 public:
  explicit ReaderPool(std::string file) : file_(std::move(file)) {}

  Result<std::unique_ptr<Connection>> take();
  /// Keeps it, without its pages, unless enough are kept or it has failed.
  void give_back(std::unique_ptr<Connection> connection);

 private:
  std::string file_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Connection>> idle_;
};

}  // namespace tether::store
