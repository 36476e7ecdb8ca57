#pragma once

#include "tether/base/time.h"

namespace tether::sync {

/// The control plane's present time, as far as we know: the last time that it named, plus the steady time since. Times
/// of the control plane are compared with this and never with our own clock.
class ControlPlaneClock {
 public:
  /// `at` is a `Date` header or the timestamp of a `connection.ack`. Older than what is known: ignored, unless a new
  /// link begins (`restart`), because another server process may keep other time.
  void hear(Instant at, TimePoint now);
  void restart(Instant at, TimePoint now);

  /// Unset until something was heard.
  Instant present(TimePoint now) const;

 private:
  Instant heard_;
  TimePoint heard_when_;
};

}  // namespace tether::sync
