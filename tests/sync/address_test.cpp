#include <catch2/catch.hpp>

#include "world.h"

using namespace tether;
using namespace tether::sync;
using namespace tether::sync::test;

namespace {

/// What gateway-1 has in service came from here.
EngineOptions from(const std::string& address) {
  EngineOptions options;
  options.address = address;
  return options;
}

void fill_and_cut(World& world) {
  for (int i = 0; i < 10; ++i) world.deploy("a" + std::to_string(i), "d" + std::to_string(i));
  world.settle();
  world.link_down();
}

}  // namespace

TEST_CASE("the same identity at another address is the same, and what it lacks is held") {
  World world(from("wss://one"));
  fill_and_cut(world);
  world.move_to("wss://two");
  const auto all = world.deployments;
  for (const auto* id : {"a0", "a1", "a2"}) world.remove(id);  // no more than the brake lets go elsewhere
  world.link_up();
  world.serve_for(90s);

  CHECK(world.standing().identity_served);
  CHECK(world.held() == std::set<std::string>{"a0", "a1", "a2"});
  CHECK(world.offered("a0") == "d0");
  CHECK_FALSE(world.notes.empty());

  SECTION("also after a restart") {
    world.restart();
    world.link_up();
    world.serve_for(90s);
    CHECK(world.offered("a0") == "d0");
  }
  SECTION("until a listing shows 80 % of it") {
    world.deployments["a0"] = all.at("a0");
    world.serve_for(90s);
    CHECK(world.held().empty());
    CHECK(world.offered("a1").empty());
    CHECK(world.offered("a0") == "d0");
  }
}

TEST_CASE("the same address again calls for no more of the brake than ever") {
  World world(from("wss://one"));
  fill_and_cut(world);
  world.restart();
  for (const auto* id : {"a0", "a1", "a2"}) world.remove(id);
  world.link_up();
  world.serve_for(90s);

  CHECK(world.held().empty());
  CHECK(world.offered("a0").empty());
}

TEST_CASE("another address that shows most of what is stored is believed at once") {
  World world(from("wss://one"));
  fill_and_cut(world);
  world.move_to("wss://two");
  for (const auto* id : {"a0", "a1"}) world.remove(id);
  world.link_up();
  world.serve_for(90s);

  CHECK(world.held().empty());
  CHECK(world.offered("a0").empty());
}
