#pragma once

#include <algorithm>

#include "tether/base/time.h"

namespace tether::delivery {

/// A wait that doubles with each failure. Without jitter: there is one daemon to a gateway.
class Pace {
 public:
  /// Requires 0 < initial <= max.
  Pace(Duration initial, Duration max) : initial_(initial), max_(max), next_(initial) {}

  Duration next() {
    const Duration wait = next_;
    next_ = std::min(max_, next_ * 2);
    return wait;
  }
  void reset() { next_ = initial_; }

 private:
  Duration initial_;
  Duration max_;
  Duration next_;
};

}  // namespace tether::delivery
