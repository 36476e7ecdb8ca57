#pragma once

#include <functional>
#include <mutex>

#include "tether/admin/status.h"

namespace tether::daemon {

/// The one copy of the status that every thread may look at: the loop writes what concerns the link, the state thread
/// the rest, the admin endpoint reads. Thread-safe; no call does anything slow while it holds the lock.
class StatusBoard {
 public:
  void update(const std::function<void(Status&)>& change) {
    const std::lock_guard lock(mutex_);
    change(status_);
  }
  /// What the parts say, with what follows from both: the state of the link decides whether anything is in sync.
  Status copy() const {
    const std::lock_guard lock(mutex_);
    Status status = status_;
    const bool up = status.control_plane.state == ControlPlaneStatus::State::Connected;
    status.control_plane.in_sync = status.control_plane.in_sync && up;
    const bool gateway = status.gateway.state == GatewayStatus::State::InSync;
    status.in_sync = status.control_plane.in_sync && gateway;
    status.settled = status.settled && up && gateway;
    return status;
  }

 private:
  mutable std::mutex mutex_;
  Status status_;
};

}  // namespace tether::daemon
