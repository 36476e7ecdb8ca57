#include <algorithm>
#include <catch2/catch.hpp>

#include "removals.h"
#include "world.h"

using namespace tether;
using namespace tether::sync;
using namespace tether::sync::test;

namespace {

void lose(World& world, int from, int to) {
  for (int i = from; i < to; ++i) world.remove(id(i));
}

bool said(const World& world, const std::string& part) {
  return std::any_of(world.notes.begin(), world.notes.end(),
                     [&part](const std::string& note) { return note.find(part) != std::string::npos; });
}

int said_times(const World& world, const std::string& part) {
  return static_cast<int>(std::count_if(world.notes.begin(), world.notes.end(), [&part](const std::string& note) {
    return note.find(part) != std::string::npos;
  }));
}

/// A brake that has just been released by an operator: the listing that confirms it is still to come.
void hold_and_release(World& world, int missing = 6) {
  fill(world);
  lose(world, 0, missing);
  relist(world);
  world.serve();
  REQUIRE(world.hold());
  world.release();
  world.serve();
  world.run(1s);
  world.serve();
}

}  // namespace

TEST_CASE("what listings have lacked for an hour goes, while they have something that was here [B5]") {
  World world;
  fill(world);
  lose(world, 0, 6);
  relist(world);
  world.serve_for(3590s);
  CHECK(in_service(world) == 20);
  CHECK(world.hold()->would_go == 6);
  CHECK(world.hold()->in_service == 20);
  CHECK(world.count_asked("POST /artifacts/exists") == 0);

  world.serve_for(30s);

  CHECK(in_service(world) == 14);
  CHECK_FALSE(world.hold());
  CHECK(world.standing().in_sync);
  CHECK(said_times(world, "removals are held") == 1);
  CHECK(said_times(world, "listings have lacked the same for long enough") == 1);
  CHECK(said_times(world, "what the deletion brake held is gone") + said_times(world, "brake is released") == 2);
}

TEST_CASE("an empty control plane is never believed by waiting [B5]") {
  World world;
  fill(world);
  world.deployments.clear();
  world.artifacts.clear();
  relist(world);
  world.serve_for(24h);

  CHECK(in_service(world) == 20);
  REQUIRE(world.hold());
  CHECK_FALSE(world.hold()->keeps_some);
}

TEST_CASE("events do not make an empty control plane one that is believed by waiting [CE-4]") {
  World world;
  fill(world);
  world.deployments.clear();
  world.artifacts.clear();
  relist(world);
  world.serve();
  world.run(5s);
  world.event(world.deploy("new1", "n1"));
  world.event(world.deploy("new2", "n2"));
  world.serve();
  world.push();
  world.serve_for(24h);  // with the two in each listing

  CHECK(in_service(world) == 20);
  CHECK(world.offered("new1") == "n1");
  CHECK(world.hold()->would_go == 20);
}

TEST_CASE("rows that change while a listing is asked are no part of what was released [CE-5]") {
  World world;
  hold_and_release(world);
  REQUIRE(world.hold()->release == Release::Released);
  world.run(10s);
  const auto listing = world.take_request(Call::Deployments);
  world.run(3s);
  for (int i = 6; i < 10; ++i) world.event(world.deploy(id(i), "again" + std::to_string(i)));
  lose(world, 6, 10);
  world.answer(listing);

  CHECK(world.hold()->release == Release::None);
  CHECK(world.hold()->would_go == 10);
  world.serve_for(120s);
  CHECK(in_service(world) == 20);
}

TEST_CASE("a wall clock that jumps releases nothing [B5]") {
  World world;
  fill(world);
  lose(world, 0, 6);
  relist(world);
  world.serve_for(120s);
  world.jump_wall_clock(std::chrono::hours(48));
  world.serve_for(600s);
  CHECK(in_service(world) == 20);

  world.jump_wall_clock(-std::chrono::hours(96));
  world.serve_for(3000s);
  CHECK(in_service(world) == 14);
}

TEST_CASE("the time that a brake has held is in the store, and goes on after a restart [B5]") {
  World world;
  fill(world);
  lose(world, 0, 6);
  relist(world);
  world.serve_for(2400s);
  world.restart();
  CHECK(world.hold()->held_ms >= 2'300'000);
  world.link_up();
  world.serve_for(1100s);
  CHECK(in_service(world) == 20);

  world.serve_for(240s);
  CHECK(in_service(world) == 14);
}

TEST_CASE("time without a listing confirms nothing [CE-10]") {
  World world;
  fill(world);
  lose(world, 0, 6);
  relist(world);
  world.serve();
  world.link_down();
  world.run(2h);
  world.link_up();
  world.serve_for(600s);
  CHECK(in_service(world) == 20);

  world.statuses["deployments"] = 500;  // asked, and not answered, for hours
  world.serve_for(2h);
  world.statuses.clear();
  world.serve_for(900s);
  CHECK(in_service(world) == 20);
}

TEST_CASE("the hour begins anew when a listing lacks something else") {
  World world;
  fill(world);
  lose(world, 0, 6);
  relist(world);
  world.serve_for(3000s);
  world.deploy(id(0), "d0");  // as many as before, but others
  lose(world, 6, 7);
  world.serve_for(3000s);
  CHECK(in_service(world) == 20);

  world.serve_for(800s);
  CHECK(in_service(world) == 14);
  CHECK(world.offered(id(0)) == "d0");
}

TEST_CASE("something that comes back during the hour stays, and the rest goes at its time") {
  World world;
  fill(world);
  lose(world, 0, 8);
  relist(world);
  world.serve_for(3000s);
  world.deploy(id(0), "d0");
  world.serve_for(700s);

  CHECK(in_service(world) == 13);
  CHECK(world.offered(id(0)) == "d0");
}

TEST_CASE("a listing that lacks more than what was released is held again") {
  World world;
  hold_and_release(world);
  REQUIRE(world.hold()->release == Release::Released);
  lose(world, 6, 7);
  world.serve_for(120s);

  CHECK(in_service(world) == 20);
  CHECK(world.hold()->release == Release::None);
  CHECK(world.hold()->would_go == 7);
  CHECK(said(world, "lacks more than what was released"));
}

TEST_CASE("an operator may agree anew before the first listing of a link, whatever was released under the one before") {
  World world;
  hold_and_release(world);
  world.link_down();
  world.run(5s);
  world.link_up();
  REQUIRE(world.hold()->release == Release::Released);
  world.release();

  world.serve_for(120s);
  CHECK(in_service(world) == 14);
}

TEST_CASE("a release ends with its link") {
  World world;
  hold_and_release(world);
  world.link_down();
  world.run(5s);
  world.link_up();
  world.serve_for(120s);

  CHECK(in_service(world) == 20);
  CHECK(world.hold()->release == Release::None);
}

TEST_CASE("a release by time is given again under the next link") {
  World world;
  fill(world);
  lose(world, 0, 6);
  relist(world);
  world.serve_for(3602s);
  REQUIRE(world.hold()->release == Release::Released);
  world.link_down();
  world.run(5s);
  world.link_up();
  world.serve_for(90s);

  CHECK(in_service(world) == 14);
  CHECK(world.standing().in_sync);
}

TEST_CASE("an operator's release asks the listing again, and what that one confirms goes") {
  World world;
  fill(world);
  world.deployments.clear();
  world.artifacts.clear();
  relist(world);
  world.serve_for(60s);
  REQUIRE(in_service(world) == 20);
  world.release();
  CHECK(in_service(world) == 20);
  CHECK(world.hold()->release == Release::Asked);
  world.serve_for(14s);

  CHECK(in_service(world) == 0);
  CHECK_FALSE(world.hold());
  CHECK(world.standing().in_sync);
  CHECK(said(world, "released by an operator"));
}

TEST_CASE("an operator's release removes nothing that the control plane has again [CE-13]") {
  World world;
  fill(world);
  const auto all = world.deployments;
  world.deployments.clear();
  relist(world);
  world.serve_for(60s);
  world.deployments = all;
  world.release();
  world.serve_for(120s);

  CHECK(in_service(world) == 20);
  CHECK_FALSE(world.hold());
  CHECK(world.count_asked("POST /artifacts/exists") == 0);
}

TEST_CASE("an operator's release is void when more is missing than was shown") {
  World world;
  fill(world);
  lose(world, 0, 6);
  relist(world);
  world.serve();
  const auto shown = world.hold();

  SECTION("the listing that was asked for shows it") {
    lose(world, 6, 7);
    world.release();
  }
  SECTION("a listing showed it before the answer came") {
    lose(world, 6, 7);
    world.serve_for(61s);
    world.release("deployments", shown);
    CHECK(world.hold()->release == Release::None);
  }
  world.serve_for(120s);

  CHECK(in_service(world) == 20);
  CHECK(world.hold()->would_go == 7);
  CHECK(world.hold()->release == Release::None);
}

TEST_CASE("a listing that was under way when the operator agreed decides nothing") {
  World world;
  fill(world);
  lose(world, 0, 6);
  relist(world);
  world.serve();
  world.run(60s);
  const auto under_way = world.take_request(Call::Deployments);
  world.release();
  world.answer(under_way);

  CHECK(world.hold()->release == Release::Asked);
  world.serve_for(15s);
  CHECK(in_service(world) == 14);
}

TEST_CASE("an operator's release without a link, or of what is not held, does nothing") {
  World world;
  fill(world);
  lose(world, 0, 6);
  relist(world);
  world.serve();
  auto shown = world.hold();
  world.link_down();
  world.release();
  CHECK(world.hold() == shown);

  shown->scope = "plans";
  world.link_up();
  world.serve();
  world.release("plans", shown);
  CHECK_FALSE(world.hold("plans"));
}

TEST_CASE("a release of older rows that take back is taken by the next listing that has them") {
  World world;
  fill(world, 8);
  for (auto& [name, deployment] : world.deployments) {
    if (name == "a7") continue;
    deployment.deployed = false;
    deployment.at = deployment.at - 1h;
  }
  relist(world);
  world.serve();
  CHECK(world.hold()->would_go == 7);
  CHECK(world.held().size() == 7);
  world.serve_for(3590s);
  CHECK(in_service(world, 8) == 8);

  world.serve_for(30s);
  CHECK(in_service(world, 8) == 1);
  CHECK_FALSE(world.hold());
  CHECK(world.standing().in_sync);
}

TEST_CASE("with a time of 0 the next listing that lacks the same releases the brake") {
  EngineOptions options;
  options.deletion_release_after = 0s;
  World world(options);
  fill(world);
  lose(world, 0, 6);
  relist(world);
  world.serve();
  CHECK(world.hold()->release == Release::None);
  world.serve_for(15s);

  CHECK(in_service(world) == 14);
}

TEST_CASE("a list of keys is released like that of the deployments, kind by kind [B5]") {
  const bool by_operator = GENERATE(false, true);
  CAPTURE(by_operator);
  World world;
  for (int i = 0; i < 20; ++i) {
    const std::string key = "k" + std::to_string(i);
    world.keys[key] = World::key(key, "a0", key, from_ms(1));
  }
  fill(world, 3);
  for (int i = 0; i < 6; ++i) world.keys.erase("k" + std::to_string(i));
  relist(world);
  world.serve();
  REQUIRE(world.hold("keys/RestApi"));
  CHECK(world.held().size() == 6);
  CHECK_FALSE(world.hold("deployments"));
  if (by_operator) {
    world.release("keys/RestApi");
  } else {
    world.serve_for(3590s);
    CHECK_FALSE(world.resource("ApiKey", "k0")->gone);
  }
  world.serve_for(30s);

  CHECK(world.resource("ApiKey", "k0")->gone);
  CHECK_FALSE(world.resource("ApiKey", "k6")->gone);
  CHECK_FALSE(world.hold("keys/RestApi"));
  CHECK(world.standing().in_sync);
}

TEST_CASE("a list of keys that is empty is never believed by waiting, and with an operator it is [B5]") {
  World world;
  for (int i = 0; i < 8; ++i) {
    const std::string key = "k" + std::to_string(i);
    world.keys[key] = World::key(key, "a0", key, from_ms(1));
  }
  fill(world, 3);
  world.keys.clear();
  relist(world);
  world.serve_for(6h);
  CHECK_FALSE(world.resource("ApiKey", "k0")->gone);

  world.release("keys/RestApi");
  world.serve_for(15s);
  CHECK(world.resource("ApiKey", "k0")->gone);
  CHECK(world.standing().in_sync);
}

namespace {

/// 20 subscriptions, two of each of ten APIs.
void subscribe(World& world) {
  for (int i = 0; i < 10; ++i) world.deploy(id(i), "d" + std::to_string(i));
  for (int i = 0; i < 20; ++i) {
    const std::string name = "s" + std::to_string(i);
    world.subscriptions[name] = World::subscription(name, id(i / 2), "");
  }
  world.settle();
}

int subscribed(World& world) {
  int found = 0;
  for (int i = 0; i < 20; ++i) found += world.resource("Subscription", "s" + std::to_string(i))->gone ? 0 : 1;
  return found;
}

}  // namespace

TEST_CASE("where there is a listing for each artifact, what is held in a round is released by time [B5]") {
  World world;
  subscribe(world);
  for (int i = 0; i < 8; ++i) world.subscriptions.erase("s" + std::to_string(i));
  relist(world);
  world.serve_for(3500s);
  CHECK(subscribed(world) == 20);
  const auto asked = world.count_asked("GET /apis/a3/subscriptions");
  CHECK(asked < 70);  // once a minute while it is held

  world.serve_for(400s);
  CHECK(subscribed(world) == 12);
  CHECK_FALSE(world.hold("subscriptions/a3"));
  CHECK(world.standing().in_sync);
}

TEST_CASE("where there is a listing for each artifact, an operator releases the ones that are held [B5]") {
  World world;
  subscribe(world);
  world.subscriptions.clear();
  relist(world);
  world.serve_for(3h);
  CHECK(subscribed(world) >= 15);  // those are all that may go before the brake is called for
  const int before = subscribed(world);
  for (int i = 0; i < 10; ++i) {
    if (world.hold("subscriptions/" + id(i))) world.release("subscriptions/" + id(i));
  }
  world.serve_for(120s);

  CHECK(before > subscribed(world));
  CHECK(subscribed(world) == 0);
  CHECK(world.standing().in_sync);
}

TEST_CASE("the last subscriptions that are shown are all of them, whatever is stored of APIs whose list is not [B5]") {
  World world;
  subscribe(world);
  const int status = GENERATE(403, 404);
  for (int i = 0; i < 9; ++i) world.statuses["subscriptions/" + id(i)] = status;
  world.subscriptions.erase("s18");
  world.subscriptions.erase("s19");
  relist(world);
  world.serve_for(3h);

  CHECK(subscribed(world) == 20);
  CHECK(world.hold("subscriptions/a9"));
  CHECK(std::count(world.notes.begin(), world.notes.end(), "the deletion brake is released") == 0);
}
