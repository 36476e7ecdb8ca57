#pragma once

#include <cstdint>

#include "tether/base/time.h"

namespace tether {

/// A small seeded generator (splitmix64): the core has no random device, and the same seed replays the same life. A
/// value: a copy goes on as the original would.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  /// Evenly drawn from [low, high], both included. Requires low <= high.
  Duration between(Duration low, Duration high);

 private:
  std::uint64_t next();

  std::uint64_t state_;
};

}  // namespace tether
