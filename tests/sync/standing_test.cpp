#include <catch2/catch.hpp>
#include <utility>

#include "world.h"

using namespace tether;
using namespace tether::sync;
using namespace tether::sync::test;

TEST_CASE("in sync needs a full listing under this link [CE-14]") {
  World world;
  world.deploy("a", "d1");
  CHECK_FALSE(world.standing().in_sync);
  world.settle();
  CHECK(world.standing().in_sync);

  world.link_down();
  CHECK_FALSE(world.standing().in_sync);
  world.link_up();
  CHECK_FALSE(world.standing().in_sync);
  world.serve();
  CHECK(world.standing().in_sync);
}

TEST_CASE("in sync needs every listing of the first round") {
  World world;
  world.statuses["plans"] = 503;
  world.settle();
  CHECK_FALSE(world.standing().settled);

  world.statuses.clear();
  world.serve_for(10s);
  CHECK(world.standing().in_sync);
}

TEST_CASE("in sync needs the listings of single artifacts that a new link asks for") {
  World world;
  world.deploy("a", "d1");
  world.statuses["subscriptions/a"] = 503;
  world.settle();
  world.serve_for(2min);
  CHECK_FALSE(world.standing().settled);

  world.statuses.clear();
  world.serve_for(5min);
  CHECK(world.standing().in_sync);
}

TEST_CASE("a listing that the server does not have is not waited for") {
  World world;
  world.statuses["secrets"] = 404;
  world.statuses["plans"] = 401;
  world.settle();
  // It may be the control plane's database, for a moment.
  CHECK_FALSE(world.standing().in_sync);
  world.serve_for(5s);

  CHECK(world.standing().in_sync);
}

TEST_CASE("a poll takes nothing back of being in sync, whatever kinds there are") {
  World world;
  world.deploy("a", "d1", "WebSubApi");
  world.settle();
  REQUIRE(world.standing().in_sync);
  world.run(20min);
  REQUIRE(world.awaits(Call::Deployments));
  while (world.awaits(Call::Deployments)) world.answer(world.take_request(Call::Deployments));

  CHECK(world.standing().in_sync);
}

TEST_CASE("a link is not in sync before the keys of experimental kinds are listed, be the deployments its last list") {
  World world;
  const std::string kind = GENERATE("WebSubApi", "WebBrokerApi");
  world.deploy("hub", "d1", kind);
  world.settle();
  world.restart();
  world.link_up();
  const auto deployments = world.take_request(Call::Deployments);
  world.serve();
  world.answer(deployments);

  REQUIRE(world.awaits(Call::Keys));
  CHECK_FALSE(world.standing().in_sync);
  CHECK_FALSE(world.standing().complete);
  world.serve_for(3s);
  world.pong();
  CHECK(world.standing().in_sync);
  CHECK(world.standing().complete);
}

TEST_CASE("in sync waits for the keys and subscriptions of what comes into service") {
  World world;
  world.settle();
  world.deploy("a", "d1");
  world.keys["k"] = World::key("k", "a", "key", from_ms(1000));
  const std::string closed = GENERATE("keys/RestApi", "subscriptions/a");
  world.statuses[closed] = 503;
  world.event(world.deployments["a"]);
  world.serve();
  world.push();
  CHECK_FALSE(world.standing().settled);
  world.serve_for(2min);
  CHECK_FALSE(world.standing().settled);

  world.statuses.clear();
  world.serve_for(5min);
  CHECK(world.standing().in_sync);
}

TEST_CASE("in sync waits for a listing that is asked again because what it shows changed meanwhile") {
  World world;
  world.deploy("a", "d1");
  world.keys["k"] = World::key("k", "a", "key", from_ms(1000));
  world.settle();
  REQUIRE(world.standing().in_sync);
  world.relist();
  while (world.requests.front().scope != "keys/RestApi") world.answer(world.take_request(world.requests.front().call));
  const auto changed = World::key("k", "a", "key", world.cp_now(), "two");
  world.event("apikey.created", protocol::KeyCreated{changed});
  world.answer(world.take_request(Call::Keys));
  world.keys["k"] = changed;
  world.serve();
  CHECK_FALSE(world.standing().settled);

  world.serve_for(12s);
  CHECK(world.standing().in_sync);
}

TEST_CASE("lists that passed over an artifact whose absence was in question are asked once more when it is there") {
  World world;
  for (int i = 0; i < 9; ++i) {
    const std::string key = "k" + std::to_string(i);
    world.keys[key] = World::key(key, i == 0 ? "a" : "b", key, from_ms(1000));
  }
  world.plans["gold"] = World::plan("gold");
  for (int i = 0; i < 9; ++i) {
    const std::string id = "s" + std::to_string(i);
    world.subscriptions[id] = World::subscription(id, i == 0 ? "a" : "b", "gold");
  }
  world.deploy("a", "d1");
  for (int i = 0; i < 9; ++i) world.deploy(i == 0 ? "b" : "b" + std::to_string(i), "e" + std::to_string(i));
  world.settle();
  REQUIRE(world.standing().in_sync);
  const Deployment kept = world.deployments["a"];
  world.keys.erase("k0");
  world.subscriptions.erase("s0");
  SECTION("a row is back") {
    world.deployments.erase("a");
    world.relist();
    world.serve();
    REQUIRE(world.artifact("a")->absent);
    world.deployments["a"] = kept;
    SECTION("as it was") {}
    SECTION("later") {
      world.deploy("a", "d2");
    }
  }
  SECTION("an event comes") {
    world.deployments.erase("a");
    world.relist();
    world.serve();
    world.run(2s);
    world.event(world.deploy("a", "d2"));
  }
  SECTION("it comes into service meanwhile, and the next row says something else") {
    world.event(world.undeploy("a"));
    world.run(2s);
    world.statuses["fetch_batch"] = 503;
    world.event(world.deploy("a", "d2"));
    world.deployments.erase("a");
    world.relist();
    world.serve_for(3s);
    REQUIRE(world.artifact("a")->absent);
    world.deploy("a", "d2");
    world.statuses.clear();
    world.serve_for(6s);
    REQUIRE(world.offered("a") == "d2");
    world.deploy("a", "d3");
  }
  SECTION("it exists all the same") {
    world.statuses["exists"] = 503;
    world.deleted_event("a");
    world.serve();
    world.relist();
    world.serve();
    world.statuses.clear();
  }
  for (int i = 0; i < 120 && !world.standing().in_sync; ++i) world.serve_for(500ms);

  CHECK(world.standing().in_sync);
  CHECK(world.offered("ApiKey", "k0").empty());
  CHECK(world.offered("Subscription", "s0").empty());
}

TEST_CASE("nothing is complete before every listing of a link was answered once, those of single artifacts too [B5]") {
  const std::string failing = GENERATE("secrets", "keys/RestApi", "plans", "subscriptions/a");
  CAPTURE(failing);
  World world;
  world.deploy("a", "d1");
  world.deploy("b", "d2");
  world.statuses[failing] = GENERATE(503, 429);
  world.settle();
  world.serve_for(5min);
  CHECK_FALSE(world.standing().complete);

  SECTION("it is answered") {
    world.statuses.clear();
  }
  SECTION("the control plane does not show it") {
    world.statuses[failing] = GENERATE(403, 404);
  }
  world.serve_for(6min);
  CHECK(world.standing().complete);

  // What was listed once is known, also without a link, and when a listing fails later.
  world.statuses[failing] = 503;
  world.serve_for(30min);
  CHECK(world.standing().complete);
  world.link_down();
  CHECK(world.standing().complete);
}

TEST_CASE("nothing is complete while something of what was listed is in question [B5]") {
  World world;
  world.deploy("a", "d1");
  for (int i = 0; i < 9; ++i) world.deploy("b" + std::to_string(i), "e" + std::to_string(i));
  world.settle();
  REQUIRE(world.standing().complete);

  SECTION("an absence") {
    world.remove("a");
    world.relist();
    world.serve();
    CHECK_FALSE(world.standing().complete);
  }
  SECTION("whether it exists") {
    world.statuses["exists"] = 503;
    world.remove("a");
    world.deleted_event("a");
    world.serve_for(1min);
    CHECK_FALSE(world.standing().complete);
    world.statuses.clear();
  }
  SECTION("what a brake holds: the gateway may have a newer version of it than the store") {
    const auto deployments = std::exchange(world.deployments, {});
    world.relist();
    world.serve_for(1h);
    REQUIRE(world.hold());
    CHECK_FALSE(world.standing().complete);
    world.deployments = deployments;
    world.relist();
  }
  world.serve_for(2min);
  CHECK(world.standing().complete);
}

TEST_CASE("what one list's brake holds hides no absence that another list noted [B5]") {
  World world;
  world.plans["gold"] = World::plan("gold");
  world.deploy("a", "d1");
  for (int i = 0; i < 9; ++i) {
    const std::string n = std::to_string(i);
    world.deploy("b" + n, "e" + n);
    world.keys["k" + n] = World::key("k" + n, "b0", "k" + n, from_ms(1));
  }
  world.settle();
  const auto is_noted = [&world] {
    bool noted = false;
    world.with([&noted](Engine& /*engine*/, Records& records) { noted = records.open_work().unheld; });
    return noted;
  };
  world.plans.clear();
  world.relist();
  world.serve_for(kRoundsApart);
  REQUIRE(world.hold("plans"));
  REQUIRE_FALSE(is_noted());

  SECTION("an artifact's") {
    world.remove("a");
  }
  SECTION("a key's") {
    world.keys.erase("k0");
  }
  SECTION("a step back") {
    world.deployments["a"].at = world.deployments["a"].at - 1h;
    world.deployments["a"].deployment_id = "earlier";
  }
  SECTION("what the brake itself has released") {
    world.release("plans");
    world.serve();
    REQUIRE(world.hold("plans")->release == Release::Released);
  }
  world.relist();
  world.serve();
  CHECK(is_noted());
  world.serve_for(30s);
  CHECK_FALSE(is_noted());
}

TEST_CASE("what a document that is refused or does not come lacks is not waited for") {
  World world;
  world.deploy("a", "d1");
  world.deploy("b", "d2");
  world.deployments.at("b").unavailable = true;
  world.rows_rejected = GENERATE(0U, 1U);
  world.settle();
  world.push({{"RestApi", "a", "no"}});
  world.serve_for(2min);

  CHECK(world.standing().complete);
  CHECK_FALSE(world.standing().in_sync);
}

TEST_CASE("a document that one answer lacks is waited for until three have") {
  World world;
  world.deploy("a", "d1");
  world.deploy("b", "d2");
  world.deployments.at("b").unavailable = true;
  world.settle();
  world.serve_for(6s);
  CHECK_FALSE(world.standing().complete);

  SECTION("the third lacks it too") {
    world.serve_for(10s);
    CHECK(world.standing().complete);
    CHECK_FALSE(world.standing().in_sync);
  }
  SECTION("the third has it") {
    world.deployments.at("b").unavailable = false;
    world.serve_for(10s);
    CHECK(world.standing().complete);
    CHECK(world.standing().settled);
  }
}

TEST_CASE("a missing document and a missing value are in the way") {
  World world;
  world.statuses["fetch_batch"] = 503;
  world.deploy("a", "d1");
  world.settle();
  CHECK_FALSE(world.standing().settled);
  CHECK_FALSE(world.standing().complete);

  world.statuses.clear();
  world.serve_for(10s);
  CHECK(world.standing().settled);
  CHECK(world.standing().complete);
}

TEST_CASE("the proof is as old as the sending of its listing") {
  World world;
  world.link_up();
  const auto sent = world.now().steady;
  world.run(7s);
  world.serve();

  CHECK(world.standing().proven == sent);
}

TEST_CASE("whether a listing contains what was stored before is said for the gateway's sake") {
  World world;
  world.deploy("a", "d1");
  world.settle();
  CHECK_FALSE(world.standing().contains_known);
  world.link_down();
  world.link_up();
  world.serve();
  CHECK(world.standing().contains_known);
}

TEST_CASE("a wrong date in the future does not outlive the next full listing") {
  World world;
  world.deploy("a", "d1");
  world.link_up();
  world.requests.erase(world.requests.begin());
  const auto listing = world.take_request(Call::Deployments);
  RequestOutcome wrong;
  wrong.status = 200;
  wrong.complete = true;
  wrong.date = world.cp_now() + 24h;
  world.with([&](Engine& engine, Records& records) { engine.on_done(records, listing.number, wrong, world.now()); });
  world.relist();
  world.serve();
  world.run(5s);
  world.event(world.deploy("b", "d2"));

  CHECK(world.artifact("b"));
}

TEST_CASE("events that were lost have everything asked again") {
  World world;
  world.settle();
  const auto listings = world.count_asked("GET /deployments");
  world.deploy("a", "d1");
  world.relist();
  world.serve();

  CHECK(world.count_asked("GET /deployments") == listings + 1);
  CHECK(world.offered("a") == "d1");
}

TEST_CASE("a transaction that fails takes the memory back with it") {
  World world;
  world.settle();
  const Deployment deployed = world.deploy("a", "d1");
  world.with([&](Engine& engine, Records&) {
    const Memory saved = engine.memory();
    engine.restore(saved);
  });
  world.event(deployed);
  world.serve();

  CHECK(world.offered("a") == "d1");
}

TEST_CASE("a deployment row that cannot be read is in the way: what it wants is unknown") {
  World world;
  world.deploy("a", "d1");
  world.rows_rejected = 1;
  world.settle();
  CHECK_FALSE(world.standing().settled);

  world.rows_rejected = 0;
  world.relist();
  world.serve();
  CHECK(world.standing().in_sync);
}

TEST_CASE("a row that cannot be read keeps a gateway waiting that knows more, for three lists and no longer [R29]") {
  World world;
  world.deploy("a", "d1");
  world.rows_rejected = 1;
  world.settle();
  CHECK_FALSE(world.standing().complete);
  SECTION("it is read the second time") {
    world.rows_rejected = 0;
    world.serve_for(61s);
    CHECK(world.standing().complete);
    CHECK(world.standing().in_sync);
  }
  SECTION("it is never read") {
    world.serve_for(61s);
    CHECK_FALSE(world.standing().complete);
    world.serve_for(61s);
    CHECK(world.standing().complete);
    CHECK_FALSE(world.standing().settled);
    // From then on the polls ask alone.
    const auto asked = world.count_asked("GET /deployments");
    world.serve_for(300s);
    CHECK(world.count_asked("GET /deployments") == asked);
  }
}

TEST_CASE("a document and a value that never come do not keep the rest from a gateway that knows more") {
  World world;
  world.deploy("a", "d1");
  world.deploy("b", "d2");
  world.deployments["b"].unavailable = true;
  world.secrets["s"] = {"h", "v"};
  world.needs_secrets["d1"] = {"s"};
  world.statuses["secret_value"] = 500;
  world.link_up();
  CHECK_FALSE(world.standing().complete);
  world.serve_for(20s);  // a listing once more, in case it is not wanted after all, and two more answers

  CHECK(world.standing().complete);
  CHECK_FALSE(world.standing().settled);
}
