#include <catch2/catch.hpp>

#include "world.h"

using namespace tether;
using namespace tether::sync;
using namespace tether::sync::test;

namespace {

void fill_with_plan(World& world) {
  world.plans["gold"] = World::plan("gold");
  world.deploy("a", "d1");
  world.settle();
}

protocol::SubscriptionChanged changed(const protocol::ResourceState& state) {
  return {state};
}

}  // namespace

TEST_CASE("a subscription event is a hint: the API is asked, and the answer taken") {
  World world;
  fill_with_plan(world);
  const auto subscription = World::subscription("s", "a", "gold");
  world.event("subscription.created", changed(subscription));
  CHECK_FALSE(world.resource("Subscription", "s"));
  CHECK(world.asked.back() == "GET /apis/a/subscriptions");
  world.subscriptions["s"] = subscription;
  world.serve();

  CHECK(world.offered("Subscription", "s") == subscription.data);
}

TEST_CASE("an update for an unknown subscription is not lost [A7]") {
  World world;
  fill_with_plan(world);
  world.statuses["subscriptions/a"] = 403;
  world.event("subscription.updated", changed(World::subscription("s", "a", "gold")));
  world.serve();

  CHECK_FALSE(world.offered("Subscription", "s").empty());
}

TEST_CASE("a closed subscription list leaves what is there and takes the event's word [A7] [F7]") {
  World world;
  world.subscriptions["old"] = World::subscription("old", "a", "gold");
  fill_with_plan(world);
  world.statuses["subscriptions/a"] = 404;
  world.event("subscription.created", changed(World::subscription("s", "a", "gold")));
  world.event("subscription.deleted", protocol::SubscriptionDeleted{"a", "s2"});
  world.serve();
  CHECK_FALSE(world.offered("Subscription", "s").empty());
  CHECK_FALSE(world.offered("Subscription", "old").empty());

  world.event("subscription.deleted", protocol::SubscriptionDeleted{"a", "s"});
  world.serve();
  CHECK(world.offered("Subscription", "s").empty());
  world.push();
  CHECK(world.timestamp("subscription.deleted").ns % 1'000'000'000 == 0);
}

TEST_CASE(
    "what a closed list left to its events, and the gateway has not answered, is not taken back by replays [F7]") {
  World world;
  fill_with_plan(world);
  world.statuses["subscriptions/a"] = 403;
  const auto created = World::subscription("new", "a", "gold");
  auto updated = created;
  updated.data = R"({"subscriptionToken":"two"})";
  const auto say = [&] {
    world.event("subscription.created", changed(created), "c1");
    world.event("subscription.updated", changed(updated), "c2");
    world.serve();
  };
  say();
  REQUIRE(world.offered("Subscription", "new") == updated.data);
  say();  // another server repeats them

  CHECK(world.offered("Subscription", "new") == updated.data);
}

TEST_CASE("a deleted subscription that its API no longer lists goes at once") {
  World world;
  world.subscriptions["s"] = World::subscription("s", "a", "gold");
  fill_with_plan(world);
  CHECK_FALSE(world.offered("Subscription", "s").empty());
  world.subscriptions.clear();
  world.event("subscription.deleted", protocol::SubscriptionDeleted{"a", "s"});
  world.serve();

  CHECK(world.offered("Subscription", "s").empty());
  CHECK_FALSE(world.hold("subscriptions/a"));
}

TEST_CASE("a hint whose link is lost is followed on the next one [A4]") {
  World world;
  fill_with_plan(world);
  const auto subscription = World::subscription("s", "b", "gold");  // of an API that no sweep asks about
  world.event("subscription.created", changed(subscription));
  world.link_down();
  world.statuses["subscriptions/b"] = 404;
  world.link_up();
  world.serve();

  CHECK(world.resource("Subscription", "s"));
}

TEST_CASE("a list that lacks what an event has just made is asked once more [A7]") {
  World world;
  fill_with_plan(world);
  const auto subscription = World::subscription("s", "a", "gold");
  world.event("subscription.created", changed(subscription));
  world.serve_for(5s);
  CHECK_FALSE(world.resource("Subscription", "s"));
  CHECK_FALSE(world.standing().in_sync);

  SECTION("and has the last word") {
    const auto asked = world.count_asked("GET /apis/a/subscriptions");
    SECTION("when it has it") {
      world.subscriptions["s"] = subscription;
      world.serve_for(6s);
      CHECK(world.offered("Subscription", "s") == subscription.data);
    }
    SECTION("when it lacks it") {
      world.serve_for(60s);
      CHECK_FALSE(world.resource("Subscription", "s"));
    }
    CHECK(world.count_asked("GET /apis/a/subscriptions") == asked + 1);
    CHECK(world.standing().in_sync);
  }
  SECTION("the event counts if it is not shown by then, also for another process") {
    world.restart();
    world.statuses["subscriptions/a"] = 403;
    world.link_up();
    world.serve();
    CHECK(world.offered("Subscription", "s") == subscription.data);
  }
}

TEST_CASE("a list that still shows what was before an event is asked once more [A7]") {
  World world;
  world.subscriptions["s"] = World::subscription("s", "a", "gold");
  fill_with_plan(world);
  const auto asked = world.count_asked("GET /apis/a/subscriptions");
  SECTION("when it changed something") {
    const auto changed_to = World::subscription("s", "a", "");
    world.event("subscription.updated", changed(changed_to));
    world.serve_for(5s);
    CHECK(world.offered("Subscription", "s") == world.subscriptions["s"].data);
    CHECK_FALSE(world.standing().in_sync);
    world.subscriptions["s"] = changed_to;
    world.serve_for(6s);
    CHECK(world.offered("Subscription", "s") == changed_to.data);
  }
  SECTION("when it deleted something") {
    world.event("subscription.deleted", protocol::SubscriptionDeleted{"a", "s"});
    world.serve_for(5s);
    CHECK_FALSE(world.standing().in_sync);
    world.subscriptions.clear();
    world.serve_for(6s);
    CHECK(world.offered("Subscription", "s").empty());
  }
  SECTION("and has the last word") {
    world.event("subscription.updated", changed(World::subscription("s", "a", "")));
    world.serve_for(60s);
    CHECK(world.offered("Subscription", "s") == world.subscriptions["s"].data);
  }
  CHECK(world.count_asked("GET /apis/a/subscriptions") == asked + 2);
  CHECK(world.standing().in_sync);
}

TEST_CASE("a hint that no listing answered before a crash is followed by the next process [A4]") {
  World world;
  fill_with_plan(world);
  world.statuses["subscriptions/b"] = 404;
  SECTION("what it says is taken where the listing is not shown") {
    world.event("subscription.created", changed(World::subscription("s", "b", "gold")));
    world.restart();
    world.link_up();
    CHECK_FALSE(world.standing().in_sync);
    world.serve();

    const auto taken = world.resource("Subscription", "s");
    REQUIRE(taken);
    CHECK(taken->artifact_id == "b");
    world.restart();
    world.link_up();
    world.serve();
    CHECK(world.standing().in_sync);  // and it is followed once
  }
  SECTION("likewise that something is deleted") {
    world.event("subscription.created", changed(World::subscription("s", "b", "gold")));
    world.serve();
    world.event("subscription.deleted", protocol::SubscriptionDeleted{"b", "s"});
    world.restart();
    world.link_up();
    world.serve();

    CHECK(world.resource("Subscription", "s")->gone);
  }
}

TEST_CASE("a thousand changes wait for the word of their listing, and one more is left to the listing alone") {
  World world;
  fill_with_plan(world);
  const std::size_t many = kMaxHints + 1;
  for (std::size_t i = 0; i < many; ++i) {
    const std::string id = std::to_string(10'000 + i);
    world.event("subscription.created", changed(World::subscription(id, "a", "gold")));
  }
  world.statuses["subscriptions/a"] = 404;  // no listing will say anything: what waited is taken
  world.serve();

  CHECK_FALSE(world.offered("Subscription", std::to_string(10'000 + kMaxHints - 1)).empty());
  CHECK(world.offered("Subscription", std::to_string(10'000 + kMaxHints)).empty());
}

TEST_CASE("a subscription waits for its plan") {
  World world;
  world.deploy("a", "d1");
  world.subscriptions["s"] = World::subscription("s", "a", "gold");
  world.settle();
  CHECK(world.offered("Subscription", "s").empty());

  world.plans["gold"] = World::plan("gold");
  world.event("subscriptionPlan.created", protocol::PlanChanged{world.plans["gold"]});
  world.serve();

  CHECK_FALSE(world.offered("Subscription", "s").empty());
}

TEST_CASE("a subscription to a plan that nobody has heard of has the plans listed, once, before all is in sync [A4]") {
  World world;
  world.deploy("a", "d1");
  world.settle();
  const auto listings = world.count_asked("GET /subscription-plans");
  const bool is_there = GENERATE(true, false);
  if (is_there) world.plans["gold"] = World::plan("gold");
  world.subscriptions["s"] = World::subscription("s", "a", "gold");
  world.event("subscription.created", protocol::SubscriptionChanged{world.subscriptions["s"]});
  world.serve();
  CHECK_FALSE(world.standing().settled);
  world.serve_for(2s);

  CHECK(world.offered("Subscription", "s").empty() != is_there);
  CHECK(world.standing().in_sync);
  CHECK(world.count_asked("GET /subscription-plans") == listings + 1);
}

TEST_CASE("a deleted event is overtaken by a list that shows what it named, made anew [B5]") {
  World world;
  world.subscriptions["s"] = World::subscription("s", "a", "gold");
  fill_with_plan(world);
  world.subscriptions["s"] = World::subscription("s", "a", "");  // deleted and created again, of which no event came
  world.event("subscription.deleted", protocol::SubscriptionDeleted{"a", "s"});
  world.serve();
  world.subscriptions.clear();  // one list is no second word on it
  world.relist();
  world.serve_for(11s);

  CHECK_FALSE(world.offered("Subscription", "s").empty());
}

TEST_CASE("a plan event is a hint: the list is asked") {
  World world;
  fill_with_plan(world);
  world.event("subscriptionPlan.created", protocol::PlanChanged{World::plan("silver")});
  CHECK(world.asked.back() == "GET /subscription-plans");
  world.serve();
  CHECK_FALSE(world.resource("SubscriptionPlan", "silver"));  // the list does not have it

  world.statuses["plans"] = 404;
  world.event("subscriptionPlan.created", protocol::PlanChanged{World::plan("silver")});
  world.serve();
  CHECK_FALSE(world.offered("SubscriptionPlan", "silver").empty());
}

TEST_CASE("subscriptions of kinds without a list are taken from their events") {
  World world;
  fill_with_plan(world);
  world.event(world.deploy("w", "d2", "WebSubApi"));
  world.serve();
  world.event("subscription.created", changed(World::subscription("s", "w", "gold")));
  CHECK_FALSE(world.offered("Subscription", "s").empty());

  world.event("subscription.deleted", protocol::SubscriptionDeleted{"w", "s"});
  CHECK(world.offered("Subscription", "s").empty());
}

TEST_CASE("every deployed API is asked for its subscriptions after a connect [A2]") {
  World world;
  for (int i = 0; i < 5; ++i) {
    const std::string n = std::to_string(i);
    world.deploy("a" + n, "d" + n);
    world.subscriptions["s" + n] = World::subscription("s" + n, "a" + n, "");
  }
  world.settle();

  for (int i = 0; i < 5; ++i) CHECK_FALSE(world.offered("Subscription", "s" + std::to_string(i)).empty());
}

TEST_CASE("an absence noted before the API was undeployed stays open for nobody") {
  World world;
  world.subscriptions["s"] = World::subscription("s", "a", "gold");
  world.subscriptions["t"] = World::subscription("t", "a", "gold");
  fill_with_plan(world);
  world.subscriptions.erase("s");
  world.relist();
  world.serve();
  CHECK_FALSE(world.standing().in_sync);
  world.statuses["subscriptions/a"] = 404;
  world.event(world.undeploy("a"));
  world.push();
  world.serve_for(15s);

  CHECK(world.standing().in_sync);
  CHECK_FALSE(world.resource("Subscription", "s")->gone);
}

TEST_CASE("an application is taken by event and repeated ones are not [A7] [F10]") {
  World world;
  world.keys["k"] = World::key("k", "a", "key", from_ms(1000));
  fill_with_plan(world);
  protocol::ResourceState application;
  application.kind = "Application";
  application.id = "app";
  application.references = {"k", "unknown"};
  application.data = R"({"id":"app","v":1})";
  world.event("application.updated", protocol::ApplicationUpdated{application}, "c1");
  CHECK(world.offered("Application", "app") == application.data);

  auto second = application;
  second.data = R"({"id":"app","v":2})";
  world.event("application.updated", protocol::ApplicationUpdated{second}, "c2");
  world.event("application.updated", protocol::ApplicationUpdated{application}, "c1");  // a replay
  CHECK(world.offered("Application", "app") == second.data);

  world.event("apikey.revoked", protocol::KeyRevoked{"a", "key"});
  CHECK(world.offered("Application", "app").empty());
}

TEST_CASE("replays are known after a restart too") {
  World world;
  world.keys["k"] = World::key("k", "a", "key", from_ms(1000));
  fill_with_plan(world);
  protocol::ResourceState application;
  application.kind = "Application";
  application.id = "app";
  application.references = {"k"};
  application.data = R"({"v":1})";
  world.event("application.updated", protocol::ApplicationUpdated{application}, "c1");
  auto second = application;
  second.data = R"({"v":2})";
  world.event("application.updated", protocol::ApplicationUpdated{second}, "c2");
  world.restart();
  world.link_up();
  world.event("application.updated", protocol::ApplicationUpdated{application}, "c1");

  CHECK(world.offered("Application", "app") == second.data);
}

TEST_CASE("an event whose listing a crash took does not hold its time back for good [A4]") {
  World world;
  fill_with_plan(world);
  world.event("subscription.deleted", protocol::SubscriptionDeleted{"a", "s"});
  const Instant pending = world.timestamp("subscription.deleted");
  world.restart();
  world.link_up();
  world.serve_for(65s);

  CHECK(world.timestamp("subscription.deleted") == pending + 1ms);
}

TEST_CASE("keys of experimental kinds are listed as soon as there is such an artifact, in the first round too [A6]") {
  World world;
  world.deploy("hub", "d1", "WebSubApi");
  world.link_up();
  world.serve();

  CHECK(world.count_asked("GET /websub-apis/api-keys") == 1);
  CHECK(world.count_asked("GET /webbroker-apis/api-keys") == 0);
}

TEST_CASE("what comes into service by an event has its keys and subscriptions listed [A6]") {
  World world;
  world.settle();
  world.deploy("a", "d1");
  world.keys["k"] = World::key("k", "a", "key", from_ms(1000));
  world.plans["gold"] = World::plan("gold");
  world.subscriptions["s"] = World::subscription("s", "a", "gold");
  world.event("subscriptionPlan.created", protocol::PlanChanged{world.plans["gold"]});
  world.event(world.deployments["a"]);
  world.serve_for(5s);

  CHECK_FALSE(world.offered("ApiKey", "k").empty());
  CHECK_FALSE(world.offered("Subscription", "s").empty());
}

TEST_CASE("what comes into service by a row has its keys and subscriptions listed [A6]") {
  World world;
  fill_with_plan(world);
  const Deployment stopped = world.undeploy("a");
  world.event(stopped);
  world.serve();
  world.push();
  world.run(3s);
  world.keys["k"] = World::key("k", "a", "key", from_ms(1000));
  world.subscriptions["s"] = World::subscription("s", "a", "gold");
  world.deploy("a", "d2");
  // A doubt has the deployments listed, and nothing else.
  world.event(world.deploy("b", "d3"));
  world.event(Deployment{"RestApi", "x", "d0", /*deployed=*/true, from_ms(1)});
  world.serve_for(5s);

  CHECK(world.offered("a") == "d2");
  CHECK_FALSE(world.offered("ApiKey", "k").empty());
  CHECK_FALSE(world.offered("Subscription", "s").empty());
}

TEST_CASE("a held list of subscriptions is let go with its API, and when the control plane does not show it [B5]") {
  World world;
  world.subscriptions["s"] = World::subscription("s", "a", "gold");
  fill_with_plan(world);
  world.subscriptions.clear();
  world.relist();
  world.serve();
  REQUIRE(world.hold("subscriptions/a"));
  world.run(3s);

  SECTION("undeployed") {
    world.event(world.undeploy("a"));
  }
  SECTION("deleted") {
    world.remove("a");
    world.deleted_event("a");
  }
  SECTION("not shown") {
    world.statuses["subscriptions/a"] = 403;
    world.serve_for(65s);
  }
  world.serve();
  world.push();

  CHECK_FALSE(world.hold("subscriptions/a"));
  CHECK(world.standing().in_sync);
}

TEST_CASE("a list with a row that cannot be read does not keep events from being obeyed [A7]") {
  World world;
  world.subscriptions["s"] = World::subscription("s", "a", "gold");
  fill_with_plan(world);
  world.unreadable = {"subscriptions/a"};
  world.subscriptions.clear();
  world.event("subscription.deleted", protocol::SubscriptionDeleted{"a", "s"});
  world.serve();

  CHECK(world.offered("Subscription", "s").empty());
  CHECK_FALSE(world.standing().settled);
  world.unreadable.clear();
  world.relist();
  world.serve();
  CHECK(world.standing().in_sync);
}

TEST_CASE("an event whose listing a crash took is taken when it comes again [A4] [A7]") {
  World world;
  fill_with_plan(world);
  world.statuses["subscriptions/a"] = 403;
  const auto subscription = changed(World::subscription("s", "a", "gold"));
  world.event("subscription.created", subscription, "c1");
  world.restart();
  world.link_up();
  world.event("subscription.created", subscription, "c1");
  world.serve();
  CHECK_FALSE(world.offered("Subscription", "s").empty());

  // Answered: from now on it is a repetition like any other.
  world.push();
  const auto asked = world.asked.size();
  world.event("subscription.created", subscription, "c1");
  CHECK(world.asked.size() == asked);
}

TEST_CASE("a change whose listing is not answered yet is in the way of being in sync [R29]") {
  World world;
  fill_with_plan(world);
  world.statuses["plans"] = 503;
  world.plans["silver"] = World::plan("silver");
  world.event("subscriptionPlan.created", protocol::PlanChanged{World::plan("silver")});
  world.serve();
  CHECK_FALSE(world.standing().settled);

  world.statuses.clear();
  world.serve_for(10s);
  CHECK(world.standing().in_sync);
}
