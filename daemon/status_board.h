#pragma once

#include <functional>
#include <mutex>

#include "status_parts.h"

namespace tether::daemon {

/// The one copy of the status that every thread may look at: the loop writes what concerns the link, the state thread
/// the rest, the admin endpoint reads. Thread-safe; no call does anything slow while it holds the lock.
class StatusBoard {
 public:
  void update(const std::function<void(Status&)>& change) {
    const std::lock_guard lock(mutex_);
    change(status_);
  }
  /// What the parts say; without a link, which is the loop's to say, nothing is in sync.
  Status copy() const {
    const std::lock_guard lock(mutex_);
    Status status = status_;
    if (status.control_plane.state != ControlPlaneStatus::State::Connected) withdraw_agreement(status);
    return status;
  }

 private:
  mutable std::mutex mutex_;
  Status status_;
};

}  // namespace tether::daemon
