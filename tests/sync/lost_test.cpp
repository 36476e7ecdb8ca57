#include <catch2/catch.hpp>

#include "world.h"

/// What is stored and cannot be read any more: another key, or damage (lost.h).
using namespace tether;
using namespace tether::sync;
using namespace tether::sync::test;

namespace {

void set_up(World& world) {
  world.secrets["s"] = {"h1", "v1"};
  world.needs_secrets["d1"] = {"s"};
  world.deploy("a", "d1");
  world.deploy("b", "d2");
  world.keys["k"] = World::key("k", "a", "first", world.cp_now());
  world.settle();
  world.serve_for(11s);  // a second answer gives the value
  REQUIRE(world.standing().in_sync);
}

/// "mk", of which no list tells.
void add_key_of_events(World& world) {
  world.deploy("m", "d3", "Mcp");
  world.event(world.deployments["m"]);
  world.serve();
  world.event("apikey.created", protocol::KeyCreated{World::key("mk", "m", "first", world.cp_now())});
}

}  // namespace

TEST_CASE("what cannot be read any more is asked for again and sent again, and no offer is taken back meanwhile") {
  World world;
  set_up(world);
  const auto before = world.artifact("a")->offering;
  world.store_key = 'b';

  world.restart();

  CHECK(world.artifact("a")->offering.offered == before.offered);
  CHECK(world.artifact("a")->offering.revision == before.revision);
  CHECK(world.artifact("a")->offering.lost);
  CHECK(world.resource("Secret", "s")->offering.lost);
  CHECK_FALSE(world.standing().in_sync);
  CHECK_FALSE(world.standing().lost_stays);
  world.settle();
  world.serve_for(11s);

  CHECK(world.standing().in_sync);
  CHECK_FALSE(world.artifact("a")->offering.lost);
  CHECK(world.artifact("a")->offering.revision > before.revision);
  CHECK(world.artifact("a")->offering.good == before.offered);
  CHECK_FALSE(world.resource("Secret", "s")->offering.lost);
  CHECK(world.offered("Secret", "s").find("v1") != std::string::npos);
  CHECK_FALSE(world.offered("ApiKey", "k").empty());
}

TEST_CASE("what events alone told and cannot be read any more is not in the way of being in sync") {
  World world;
  set_up(world);
  add_key_of_events(world);
  world.serve();
  world.push();
  REQUIRE_FALSE(world.offered("ApiKey", "mk").empty());
  SECTION("a kind without a list") {}
  SECTION("a list that is not shown") {
    world.statuses["subscriptions/a"] = 403;
    world.event("subscription.created", protocol::SubscriptionChanged{World::subscription("s1", "a", "")});
    world.serve();
    world.push();
    REQUIRE_FALSE(world.offered("Subscription", "s1").empty());
  }
  world.store_key = 'b';
  world.restart();
  CHECK_FALSE(world.standing().in_sync);
  world.settle();
  world.serve_for(11s);

  CHECK(world.resource("ApiKey", "mk")->offering.lost);
  CHECK_FALSE(world.resource("ApiKey", "k")->offering.lost);
  CHECK(world.standing().in_sync);
}

TEST_CASE("an event that comes again brings what was lost of what it said [B5]") {
  World world;
  set_up(world);
  world.deploy("m", "d3", "Mcp");
  world.event(world.deployments["m"]);
  world.serve();
  const auto key = World::key("mk", "m", "first", world.cp_now());
  bool is_update = false;
  SECTION("of a key that was made") {}
  SECTION("of a key that was updated") {
    is_update = true;
  }
  const auto update = World::key("mk", "m", "first", world.cp_now() + 1s, "two");
  const auto say = [&] {
    if (is_update) {
      world.event("apikey.updated", protocol::KeyUpdated{update}, "of-the-update");
    } else {
      world.event("apikey.created", protocol::KeyCreated{key}, "of-the-key");
    }
  };
  if (is_update) world.event("apikey.created", protocol::KeyCreated{key});
  const auto before = World::key("mk", "m", "first", update.updated_at, "one");  // within one second
  const auto say_both = [&] {
    if (is_update) world.event("apikey.updated", protocol::KeyUpdated{before}, "of-the-one-before");
    say();
  };
  say_both();
  world.push();
  const std::string offered = world.offered("ApiKey", "mk");
  REQUIRE_FALSE(offered.empty());
  world.store_key = 'b';
  world.restart();
  world.settle();
  REQUIRE(world.resource("ApiKey", "mk")->offering.lost);
  say_both();

  CHECK_FALSE(world.resource("ApiKey", "mk")->offering.lost);
  CHECK(world.offered("ApiKey", "mk") == offered);
}

TEST_CASE("what is lost and held does not go with a push of everything: its list may show it yet [B5]") {
  World world;
  set_up(world);
  const auto keys = world.keys;
  world.store_key = 'b';
  world.keys.clear();
  world.restart();
  world.settle();
  world.serve_for(1min);
  REQUIRE(world.hold("keys/RestApi"));
  CHECK_FALSE(world.standing().complete);
  CHECK_FALSE(world.standing().lost_stays);

  world.keys = keys;
  world.relist();
  world.serve_for(1h);
  CHECK_FALSE(world.resource("ApiKey", "k")->offering.lost);
  CHECK(world.standing().lost_stays);
}

TEST_CASE("what a push could not carry is neither acknowledged nor taken for good when that push is answered") {
  World world;
  world.link_up();
  world.serve_for(5s);
  world.deploy("a", "d1");
  world.event(world.deployments["a"]);
  world.serve();
  REQUIRE(world.offered("a") == "d1");
  world.store_key = 'b';
  world.restart();
  world.link_up();

  world.push();

  CHECK(world.artifact("a")->offering.good.body.empty());
  CHECK(world.acks.empty());
  world.serve();
  world.push();
  CHECK(world.artifact("a")->offering.good.body == "d1");
  REQUIRE(world.acks.size() == 1);
  CHECK(world.acks[0].status == "success");
}

TEST_CASE("what cannot be read any more is removed like anything else when it is deleted") {
  World world;
  set_up(world);
  world.store_key = 'b';
  world.restart();
  world.undeploy("a");
  world.settle();
  world.serve_for(11s);

  CHECK(world.offered("a").empty());
  CHECK_FALSE(world.artifact("a")->offering.lost);
  CHECK(world.standing().in_sync);
}

TEST_CASE("an event that changes a part of a key that cannot be read does not make the part the whole") {
  World world;
  set_up(world);
  world.store_key = 'b';
  world.restart();
  world.link_up();
  auto update = World::key("k", "a", "first", world.cp_now(), "new name");
  update.id.clear();

  world.event("apikey.updated", protocol::KeyUpdated{update});

  CHECK(world.resource("ApiKey", "k")->body.empty());
  CHECK(world.resource("ApiKey", "k")->offering.lost);
}

TEST_CASE("an event that changes a key that cannot be read and that no list has stands for all of it [B7]") {
  World world;
  set_up(world);
  add_key_of_events(world);
  world.serve_for(5s);
  world.store_key = 'b';
  world.restart();
  world.settle();
  REQUIRE(world.resource("ApiKey", "mk")->offering.lost);
  auto update = World::key("mk", "m", "first", world.cp_now(), "second");
  update.id.clear();

  world.event("apikey.updated", protocol::KeyUpdated{update});

  CHECK(world.offered("ApiKey", "mk").find("second") != std::string::npos);
  CHECK(world.offered("ApiKey", "mk").find(R"("uuid":"mk")") != std::string::npos);
  CHECK_FALSE(world.resource("ApiKey", "mk")->offering.lost);
}

TEST_CASE("what is in service, was lost and is here again is offered though what it refers to is not any more") {
  World world;
  world.needs_providers["p1"] = {"handle-provider"};
  world.deploy("provider", "v1", "LlmProvider");
  world.deploy("proxy", "p1", "LlmProxy");
  world.settle();
  world.event(world.undeploy("provider"));
  world.settle();
  REQUIRE(world.offered("provider").empty());
  REQUIRE(world.offered("proxy") == "p1");
  world.store_key = 'b';
  world.restart();
  REQUIRE(world.artifact("proxy")->offering.lost);

  world.settle();

  CHECK(world.offered("proxy") == "p1");
  CHECK_FALSE(world.artifact("proxy")->offering.lost);
}

TEST_CASE("a subscription that was lost and is here again is offered though its plan is not any more") {
  World world;
  world.deploy("a", "d1");
  world.plans = {{"gold", World::plan("gold")}, {"silver", World::plan("silver")}};
  world.subscriptions["s"] = World::subscription("s", "a", "gold");
  world.settle();
  world.plans.erase("gold");
  world.relist();
  world.serve_for(15s);
  REQUIRE(world.offered("SubscriptionPlan", "gold").empty());
  world.push();
  world.store_key = 'b';
  world.restart();
  REQUIRE(world.resource("Subscription", "s")->offering.lost);

  world.settle();

  CHECK_FALSE(world.offered("Subscription", "s").empty());
  CHECK_FALSE(world.resource("Subscription", "s")->offering.lost);
}

TEST_CASE("what was left out of a push while its key was away goes anew when the key is back") {
  World world;
  world.deploy("b", "d2");
  world.settle();
  world.event(world.deploy("a", "d1"));
  world.serve();
  world.link_down();
  world.store_key = 'b';
  world.restart();
  world.push();  // carries nothing of it
  const auto answered = world.read<Marks>([](Records& records) { return records.marks(); }).answered.revision;
  world.store_key = 'k';
  world.restart();

  CHECK(world.artifact("a")->offering.revision > answered);
  CHECK_FALSE(world.artifact("a")->offering.lost);
}
