#pragma once

#include <cstdint>

#include "tether/base/random.h"
#include "tether/base/time.h"

namespace tether::link {

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
