#include "fixture.h"

using namespace tether;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

TEST_CASE("the group behind the gateway's socket is one of this machine, by name or number") {
  CHECK(load_good({{"TETHER_GATEWAY_GROUP", "root"}}).gateway.group == GatewayGroup{"root", 0});
  CHECK(load_good({{"TETHER_GATEWAY_GROUP", "4294967294"}}).gateway.group == GatewayGroup{"4294967294", 4294967294});
  for (const char* bad : {"no-such-group-here", "4294967295", "99999999999"}) {
    CAPTURE(bad);
    CHECK_THAT(load_bad({{"TETHER_GATEWAY_GROUP", bad}}),
               StartsWith("TETHER_GATEWAY_GROUP: ") && Contains("a group of this machine"));
  }
}
