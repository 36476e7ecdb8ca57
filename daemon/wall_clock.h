#pragma once

#include <chrono>

#include "tether/base/time.h"

namespace tether::daemon {

/// What the machine's clock says; it may jump. Any thread.
inline Instant wall_now() {
  return {std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
              .count()};
}

}  // namespace tether::daemon
