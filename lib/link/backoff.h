#pragma once

#include <cstdint>

#include "tether/base/time.h"

namespace tether::link {

/// A small seeded generator (splitmix64): the core has no random device, and the same seed replays the same life.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  /// Evenly drawn from [low, high], both included. Requires low <= high.
  Duration between(Duration low, Duration high);

 private:
  std::uint64_t next();

  std::uint64_t state_;
};

/// How long to wait before dialling the control plane again.
///
/// The ceiling doubles from `base` up to `max`, and each wait is drawn from the upper half of it, so that
/// gateways cut off together don't come back together (RFC 6455 section 7.2.3 asks for both). That holds at the
/// cap too: no wait is simply `max`.
class Backoff {
 public:
  /// Requires 0 < base <= max. The same seed gives the same waits.
  Backoff(Duration base, Duration max, std::uint64_t seed);

  Duration next();

  /// Call once the link is proven (its ack and a first successful listing), not when it opens: a
  /// control plane that accepts and then hangs up would otherwise be dialled at full speed.
  void reset();

 private:
  Duration base_;
  Duration max_;
  Duration ceiling_;
  Random random_;
};

}  // namespace tether::link
