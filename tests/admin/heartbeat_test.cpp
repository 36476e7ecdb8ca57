#include "tether/admin/heartbeat.h"

#include <catch2/catch.hpp>

namespace tether {

TEST_CASE("a loop that has not beaten for too long is not alive, and is again once it beats") {
  const TimePoint start{};
  Heartbeat heartbeat(start);

  CHECK(heartbeat.is_alive(start + Heartbeat::kStaleAfter));
  CHECK_FALSE(heartbeat.is_alive(start + Heartbeat::kStaleAfter + 1ns));

  heartbeat.beat(start + 20s);
  CHECK(heartbeat.is_alive(start + 20s + Heartbeat::kStaleAfter));
}

}  // namespace tether
