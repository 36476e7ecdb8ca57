#include <catch2/catch.hpp>
#include <utility>

#include "world.h"

using namespace tether;
using namespace tether::sync;
using namespace tether::sync::test;

// What passes for the answer of a listing, and what ends with it when it is not asked any more.

TEST_CASE("what the last list of a round brings is listed before everything was [B5]") {
  World world;
  world.deploy("a", "d1");
  world.subscriptions["s"] = World::subscription("s", "a", "");
  world.statuses["deployments"] = 500;
  world.link_up();
  world.serve_for(20s);  // all is asked about each API that is known: none
  world.statuses = {{"subscriptions/a", 500}};
  world.serve_for(60s);
  REQUIRE(world.offered("a") == "d1");
  CHECK_FALSE(world.standing().complete);

  world.statuses.clear();
  world.serve_for(60s);
  CHECK(world.standing().complete);
}

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

TEST_CASE("lists of single artifacts that are always 401 are let go like all others, and one that is 503 is not") {
  const bool is_hmac = GENERATE(false, true);
  World world;
  world.deploy("a", "d1", is_hmac ? "WebSubApi" : "RestApi");
  const std::string scope = is_hmac ? "hmac/a" : "subscriptions/a";
  world.statuses[scope] = 401;
  world.settle();
  CHECK_FALSE(world.standing().complete);
  world.serve_for(5s);
  CHECK(world.standing().in_sync);
  CHECK_FALSE(world.standing().complete);
  world.serve_for(2min);
  CHECK_FALSE(world.standing().complete);
  world.serve_for(10s);
  CHECK(world.standing().complete);

  world.link_down();
  world.restart();
  world.statuses[scope] = 503;
  world.link_up();
  world.serve_for(5min);
  CHECK_FALSE(world.standing().complete);
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

TEST_CASE("a hint whose listing is under way when events are lost is followed [A4] [A7]") {
  World world;
  world.plans["gold"] = World::plan("gold");
  world.settle();
  world.statuses["subscriptions/b"] = 404;  // an API that no round asks about
  world.event("subscription.created", protocol::SubscriptionChanged{World::subscription("s", "b", "gold")});
  REQUIRE(world.awaits(Call::Subscriptions));
  world.relist();
  world.serve();

  CHECK(world.resource("Subscription", "s"));
  CHECK(world.standing().in_sync);
}

TEST_CASE("a row that could not be read is in nobody's way once its list is not asked any more [R29]") {
  World world;
  world.deploy("other", "d0");
  world.deploy("a", "d1");
  world.unreadable = {"subscriptions/a"};
  world.settle();
  REQUIRE_FALSE(world.standing().settled);
  world.run(3s);

  SECTION("its API is undeployed") {
    world.event(world.undeploy("a"));
  }
  SECTION("its API is gone") {
    world.remove("a");
    world.deleted_event("a");
  }
  SECTION("its API is lacked by two lists") {
    world.deployments.erase("a");
    world.relist();
    world.serve_for(15s);
  }
  SECTION("the control plane does not show the list") {
    world.statuses["subscriptions/a"] = GENERATE(403, 404);
    world.relist();
  }
  SECTION("it is answered when its API has gone") {
    world.relist();
    while (!world.awaits(Call::Subscriptions)) world.answer(world.take_request(world.requests.front().call));
    world.run(1s);
    world.event(world.undeploy("a"));
  }
  world.serve();
  world.push();
  CHECK(world.standing().in_sync);
}

TEST_CASE("a row that cannot be read among what has changed has the full list asked, and is in the way [R29]") {
  World world;
  world.deploy("a", "d1");
  world.settle();
  REQUIRE(world.standing().in_sync);
  world.rows_rejected = 1;
  while (world.count_asked("GET /deployments?since=") == 0) world.serve_for(10s);
  world.serve_for(1min);
  CHECK_FALSE(world.standing().settled);
  CHECK(world.count_asked("GET /deployments") == 4);  // of the link, of the poll, the full one, and a minute later

  world.rows_rejected = 0;
  world.relist();
  world.serve();
  CHECK(world.standing().in_sync);
}

TEST_CASE("a full list with a row that cannot be read ends no doubt [R29]") {
  World world;
  world.deploy("a", "d1");
  world.settle();
  const Deployment told = world.deploy("b", "d2");
  world.run(3s);
  world.rows_rejected = 1;
  world.deployments.erase("b");  // its row is the one that cannot be read
  world.relist();
  world.serve();
  world.event(told);  // of before that list
  world.serve_for(3s);
  CHECK(world.timestamp("api.deployed") < told.at);

  world.rows_rejected = 0;
  world.deployments["b"] = told;
  world.relist();
  world.serve();

  CHECK(world.offered("b") == "d2");
  CHECK(world.timestamp("api.deployed") >= told.at);
}

TEST_CASE("a row that a full list has and cannot be read is in the next delta [R29] [A1]") {
  World world;
  world.deploy("a", "d1");
  world.settle();
  const Deployment unread = world.deploy("b", "d2");
  world.run(5min);
  world.deploy("c", "d3");
  world.rows_rejected = 1;
  world.deployments.erase("b");
  world.relist();
  world.serve();
  REQUIRE(world.offered("b").empty());

  world.rows_rejected = 0;
  world.deployments["b"] = unread;
  while (world.count_asked("GET /deployments?since=") == 0) world.serve_for(10s);
  world.serve();

  CHECK(world.offered("b") == "d2");
}

TEST_CASE("a row that could not be read of a kind's keys is in nobody's way once its last artifact went [R29]") {
  const std::string kind = GENERATE("WebSubApi", "WebBrokerApi");
  World world;
  world.deploy("a", "d1", kind);
  world.unreadable = {"keys/" + kind};
  world.settle();
  REQUIRE_FALSE(world.standing().settled);
  world.run(3s);
  world.event(world.undeploy("a"));
  world.serve();
  world.push();
  CHECK(world.standing().in_sync);

  world.run(3s);
  world.event(world.deploy("a", "d2", kind));
  world.serve_for(5s);
  CHECK_FALSE(world.standing().settled);
}

TEST_CASE("a held list of keys is let go when the last artifact of its kind went while nobody asked it [B5]") {
  const std::string kind = GENERATE("WebSubApi", "WebBrokerApi");
  World world;
  world.deploy("a", "d1", kind);
  world.keys["k"] = World::key("k", "a", "key", from_ms(1000));
  world.settle();
  const auto key = world.offered("ApiKey", "k");
  REQUIRE_FALSE(key.empty());
  const auto kept = std::exchange(world.keys, {});
  world.relist();
  world.serve();
  REQUIRE(world.hold("keys/" + kind));

  world.link_down();
  world.undeploy("a");
  world.run(5s);
  world.statuses["keys/" + kind] = 401;  // a server without the experimental part
  world.link_up();
  world.serve();
  world.push();
  CHECK_FALSE(world.hold("keys/" + kind));
  CHECK(world.standing().in_sync);

  world.statuses.clear();
  world.keys = kept;
  world.event(world.deploy("a", "d2", kind));
  world.serve_for(5s);
  CHECK(world.offered("ApiKey", "k") == key);
}
