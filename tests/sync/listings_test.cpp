#include <catch2/catch.hpp>

#include "world.h"

using namespace tether;
using namespace tether::sync;
using namespace tether::sync::test;

// What passes for the answer of a listing, and what ends with it when it is not asked any more.

TEST_CASE("a list is answered by 403 and 404, and asked again after any other refusal") {
  const std::string failing = GENERATE("keys/RestApi", "secrets", "subscriptions/a");
  const int status = GENERATE(400, 405, 410, 451);
  CAPTURE(failing, status);
  World world;
  world.deploy("a", "d1");
  world.statuses[failing] = status;
  world.settle();
  world.serve_for(2min);
  CHECK_FALSE(world.standing().settled);
  CHECK_FALSE(world.standing().complete);

  SECTION("it is answered") {
    world.statuses.clear();
  }
  SECTION("the control plane does not show it") {
    world.statuses[failing] = GENERATE(403, 404);
  }
  world.serve_for(5min);
  CHECK(world.standing().in_sync);
  CHECK(world.standing().complete);
}

TEST_CASE("what an event said waits for its list when that is refused for another reason than being closed [A7]") {
  World world;
  world.plans["gold"] = World::plan("gold");
  world.deploy("a", "d1");
  world.settle();
  world.statuses["subscriptions/a"] = 410;
  world.event("subscription.created", protocol::SubscriptionChanged{World::subscription("s", "a", "gold")});
  world.serve();
  CHECK(world.offered("Subscription", "s").empty());
  CHECK_FALSE(world.standing().settled);

  world.subscriptions["s"] = World::subscription("s", "a", "gold");
  world.statuses.clear();
  world.serve_for(10s);
  CHECK_FALSE(world.offered("Subscription", "s").empty());
  CHECK(world.standing().in_sync);
}
