#pragma once

#include <algorithm>

#include "tether/link/link.h"

/// What the parts of Link (link.cpp, rejection.cpp, rotation.cpp) share; internal.
namespace tether::link {

inline constexpr int kUnauthorized = 401;
/// 401 in a row until a token is believed to be rejected (R15).
inline constexpr int kRefusalsToReject = 3;
inline constexpr int kNormalClosure = 1000;
/// The socket has the same limit for a dial and knows better where it got stuck; ours is only a net below it.
inline constexpr Duration kDialGrace = 1s;

/// Over so long the instances of a fleet try a token that all of them were given at once.
inline constexpr Duration kTrySpread = 10s;

inline Duration obeyed(Duration retry_after) {
  return std::clamp(retry_after, Duration::zero(), kMaxRetryAfter);
}

}  // namespace tether::link
