#include <algorithm>
#include <catch2/catch.hpp>

#include "world.h"

using namespace tether;
using namespace tether::sync;
using namespace tether::sync::test;

TEST_CASE("a link of another identity lists, applies and acknowledges nothing [CE-8] [CE-9]") {
  World world;
  world.deploy("a", "d1");
  world.link_up("gateway-1");
  world.serve();
  world.link_down();
  world.push();  // its ack waits
  world.run(5s);
  const auto asked = world.asked.size();

  world.link_up("gateway-2");
  world.event(world.undeploy("a"));
  world.event(world.deploy("b", "d2"));
  world.serve_for(10min);

  CHECK(world.asked.size() == asked);
  CHECK(world.acks.empty());
  CHECK(world.offered("a") == "d1");
  CHECK_FALSE(world.artifact("b"));
  CHECK_FALSE(world.standing().identity_served);
  CHECK(world.standing().other_gateway_id == "gateway-2");
  CHECK_FALSE(world.standing().in_sync);
  CHECK_FALSE(world.notes.empty());
}

TEST_CASE("events before the ack of another identity are dropped with it [CE-8]") {
  World world;
  world.settle();
  world.link_down();
  world.run(5s);
  world.open_link();
  world.event(world.deploy("b", "d2"));
  world.ack_link("gateway-2");

  CHECK_FALSE(world.artifact("b"));
}

TEST_CASE("the served identity goes on where it was when its link is back [CE-8]") {
  World world;
  world.deploy("a", "d1");
  world.link_up("gateway-1");
  world.serve();
  world.link_down();
  world.push();
  world.link_up("gateway-2");
  world.link_down();
  world.link_up("gateway-1");
  world.serve();

  CHECK(world.acks.size() == 1);
  CHECK(world.standing().identity_served);
  CHECK(world.standing().other_gateway_id.empty());
  CHECK(world.standing().in_sync);
}

TEST_CASE("the identity in service is remembered over a restart [CE-8]") {
  World world;
  world.settle();
  world.restart();
  world.link_up("gateway-2");

  CHECK_FALSE(world.standing().identity_served);
}

TEST_CASE("answers that were asked under another link are not used") {
  World world;
  world.deploy("a", "d1");
  world.link_up();
  world.requests.erase(world.requests.begin());
  const auto listing = world.take_request(Call::Deployments);
  world.link_down();
  world.link_up();
  world.answer(listing);

  CHECK_FALSE(world.artifact("a"));
}
