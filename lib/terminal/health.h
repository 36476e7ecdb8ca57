#pragma once

#include <functional>
#include <string>

#include "tether/base/result.h"

namespace tether::terminal {

/// What the command does, besides choosing its words.
struct HealthEnds {
  /// Asks a path of the admin endpoint. Retry: nobody answers. Reject: it says no, in one line.
  std::function<Result<std::string>(const std::string& path)> ask;
  std::function<void(const std::string&)> say;
  std::function<void(const std::string&)> complain;
};

/// `tetherd health`, for who starts a sick process anew: true if the daemon is alive. It stays alive whatever has
/// become of the control plane, the gateway or the disk, which a new start does not mend. With `ready`, for who sends
/// traffic: also false until the gateway's present instance has a configuration.
bool run_health(const HealthEnds& ends, bool ready);

}  // namespace tether::terminal
