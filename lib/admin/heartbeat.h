#pragma once

#include <atomic>

#include "tether/base/time.h"

namespace tether {

/// Says whether the loop still turns: the loop beats, the admin endpoint looks. Both from any thread.
class Heartbeat {
 public:
  /// The loop beats at least three times in this; a loop that has not for longer hangs.
  static constexpr Duration kStaleAfter = 15s;

  explicit Heartbeat(TimePoint now) : last_(now.time_since_epoch().count()) {}

  void beat(TimePoint now) { last_.store(now.time_since_epoch().count(), std::memory_order_relaxed); }
  bool is_alive(TimePoint now) const {
    return now - TimePoint(Duration(last_.load(std::memory_order_relaxed))) <= kStaleAfter;
  }

 private:
  std::atomic<Duration::rep> last_;
};

}  // namespace tether
