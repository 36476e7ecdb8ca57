#include <catch2/catch.hpp>

#include "identities.h"

using namespace tether;
using namespace std::chrono_literals;
using namespace tether::sync;
using namespace tether::sync::test;

namespace {

/// Nothing but an operator is waited for.
void stage_four_beside_ten(World& world) {
  for (int i = 1; i <= 10; ++i) world.deploy("a" + std::to_string(i), "d" + std::to_string(i));
  world.settle();
  world.link_down();
  link_second(world, 4);
  world.serve_for(1min);
  REQUIRE(world.standing().staged_lack == StagedLack::TooFew);
}

}  // namespace

TEST_CASE("what the operator accepted before it was complete takes over when it is") {
  World world;
  serve_first(world);
  link_second(world, 1);
  accept(world, {"gateway-2", std::string(to_string(StagedLack::TooFew)), /*resources=*/1, /*in_service=*/4});
  CHECK(served_by(world) == "gateway-1");
  CHECK(world.standing().staged_accepted);
  world.serve_for(11s);
  CHECK(served_by(world) == "gateway-2");
}

TEST_CASE("an operator's word on a staged identity is void once it is not as it was shown") {
  World world;
  stage_four_beside_ten(world);
  ShownIdentity shown = shown_now(world);
  REQUIRE(shown.resources == 4);

  SECTION("it has less") {
    world.event(world.undeploy("b4"));
    world.serve();
  }
  SECTION("it lacks something else") {
    shown.waits_for = to_string(StagedLack::Held);
  }
  SECTION("more is in service than was shown") {
    --shown.in_service;
  }
  accept(world, shown);
  world.serve_for(1h);

  CHECK(served_by(world) == "gateway-1");
  CHECK_FALSE(world.standing().staged_accepted);
  accept(world, shown_now(world));
  CHECK(served_by(world) == "gateway-2");
}

TEST_CASE("a staged identity whose own brake holds is left to the operator [CE-9]") {
  World world;
  serve_first(world);
  link_second(world, 10);
  world.serve();
  REQUIRE(world.standing().staged_lack == StagedLack::Listings);
  world.clear();
  world.serve_for(1h);
  CHECK(served_by(world) == "gateway-1");
  CHECK(world.standing().staged_lack == StagedLack::Held);

  accept(world, shown_now(world));
  CHECK(served_by(world) == "gateway-2");
  CHECK(world.read<std::int64_t>([](Records& records) { return records.offered_count(); }) == 10);
}

TEST_CASE("what a staged identity's brake holds hides no absence of another list [CE-9]") {
  World world;
  serve_first(world);
  world.clear();
  for (int i = 1; i <= 4; ++i) world.deploy("b" + std::to_string(i), "e" + std::to_string(i));
  for (int i = 0; i < 10; ++i) {
    const std::string name = "k" + std::to_string(i);
    world.keys[name] = World::key(name, "b1", name, from_ms(1));
  }
  world.plans["gold"] = World::plan("gold");
  world.link_up("gateway-2");
  world.serve_for(5s);
  world.plans.clear();
  world.keys.erase("k0");
  world.relist();
  world.serve_for(7s);
  CHECK(world.standing().staged_lack == StagedLack::Doubts);

  accept(world, {"gateway-2", std::string(to_string(StagedLack::Held)), /*resources=*/1, /*in_service=*/4});
  CHECK(served_by(world) == "gateway-1");
  world.serve_for(10s);
  CHECK(served_by(world) == "gateway-2");  // it was accepted for what it waits for now
  CHECK(world.offered("ApiKey", "k0").empty());
  CHECK(world.hold("plans"));
}

TEST_CASE("a staged identity that has more than an operator was shown is served by that word") {
  World world;
  stage_four_beside_ten(world);
  const ShownIdentity shown = shown_now(world);
  world.event(world.deploy("b5", "e5"));
  world.serve();
  REQUIRE(served_by(world) == "gateway-1");

  accept(world, shown);
  world.serve_for(1s);  // what is new has a list of its own

  CHECK(served_by(world) == "gateway-2");
}

TEST_CASE("what the operator accepted counts under its link alone") {
  World world;
  serve_first(world);
  link_second(world, 1);
  const ShownIdentity shown{"gateway-2", std::string(to_string(StagedLack::TooFew)), /*resources=*/1, /*in_service=*/4};
  accept(world, shown);
  CHECK(world.standing().staged_accepted);
  world.link_down();
  CHECK_FALSE(world.standing().staged_accepted);
  // Without a link there is nothing to accept.
  accept(world, shown);
  CHECK_FALSE(world.standing().staged_accepted);

  world.link_up("gateway-2");
  world.serve_for(11s);
  CHECK(served_by(world) == "gateway-1");
  CHECK(world.standing().staged_lack == StagedLack::TooFew);
}
