#include "tether/sync/brake.h"

#include <catch2/catch.hpp>
#include <utility>

#include "removals.h"
#include "world.h"

using namespace tether;
using namespace tether::sync;
using namespace tether::sync::test;

TEST_CASE("an empty listing is held [B5]") {
  World world;
  fill(world);
  const auto all = world.deployments;
  world.deployments.clear();
  relist(world);
  world.serve_for(120s);

  CHECK(in_service(world) == 20);
  REQUIRE(world.hold());
  CHECK(world.hold()->would_go == 20);
  CHECK(world.held().size() == 20);
  CHECK(world.held().contains(id(7)));
  CHECK_FALSE(world.standing().settled);
  CHECK(world.count_asked("POST /artifacts/exists") == 0);

  world.deployments = all;
  relist(world);
  world.serve();
  CHECK_FALSE(world.hold());
  CHECK(world.held().empty());
  CHECK(world.standing().in_sync);
}

TEST_CASE("events in between do not open a brake [CE-4]") {
  // All of a few, and more than a fifth of many.
  const auto [stored, lacked, deployed] = GENERATE(std::tuple(3, 3, 1), std::tuple(20, 6, 11));
  World world;
  fill(world, stored);
  const auto all = world.deployments;
  for (int i = 0; i < lacked; ++i) {
    world.deployments.erase(id(i));
    world.artifacts.erase(id(i));
  }
  relist(world);
  world.serve();
  REQUIRE(world.hold());
  world.run(5s);
  for (int i = 0; i < deployed; ++i) world.event(world.deploy("new" + std::to_string(i), "n" + std::to_string(i)));
  world.serve_for(10min);

  CHECK(in_service(world, stored) == stored);
  REQUIRE(world.hold());
  CHECK(world.hold()->would_go == lacked);

  for (const auto& [name, deployment] : all) world.deployments[name] = deployment;
  world.serve_for(2min);
  CHECK_FALSE(world.hold());
}

TEST_CASE("what events undeploy meanwhile opens a brake, when a listing lacks little of the rest") {
  World world;
  fill(world);
  const Deployment first = world.deployments.at(id(0));
  for (int i = 0; i < 6; ++i) world.deployments.erase(id(i));
  relist(world);
  world.serve();
  REQUIRE(world.hold());
  world.run(3s);
  world.deployments[id(0)] = first;
  world.event(world.undeploy(id(0)));
  world.push();
  world.serve_for(90s);

  CHECK_FALSE(world.hold());
}

TEST_CASE("rows that changed during the request count for the brake [CE-5]") {
  World world;
  fill(world, 6);
  world.deployments.clear();
  relist(world);
  const auto listing = world.take_request(Call::Deployments);
  world.run(3s);
  for (int i = 0; i < 4; ++i) {
    const Deployment again = world.deploy(id(i), "again" + std::to_string(i));
    world.event(again);
  }
  world.deployments.clear();
  world.answer(listing);

  REQUIRE(world.hold());
  CHECK(world.hold()->would_go == 6);
}

TEST_CASE("five of twenty may go") {
  World world;
  fill(world);
  for (int i = 0; i < 5; ++i) world.remove(id(i));
  relist(world);
  world.serve_for(15s);

  CHECK(in_service(world) == 15);
  CHECK_FALSE(world.hold());
}

TEST_CASE("six of twenty may not") {
  World world;
  fill(world);
  for (int i = 0; i < 6; ++i) world.remove(id(i));
  relist(world);
  world.serve_for(120s);

  CHECK(in_service(world) == 20);
  CHECK(world.hold());
}

TEST_CASE("what comes into service while an empty listing is held stays [B5]") {
  World world;
  fill(world);
  world.statuses["fetch_batch"] = 500;
  world.event(world.deploy("new", "n"));
  world.serve_for(1s);
  REQUIRE(world.offered("new").empty());
  const auto all = std::exchange(world.deployments, {});
  world.statuses["exists"] = 500;
  relist(world);
  world.serve_for(12s);
  REQUIRE(world.hold());
  REQUIRE(world.artifact("new")->question == Question::Absence);

  world.statuses.erase("fetch_batch");
  world.deployments = all;
  while (world.offered("new").empty()) {
    world.run(1s);
    if (world.awaits(Call::FetchBatch)) world.answer(world.take_request(Call::FetchBatch));
  }
  world.statuses.clear();
  world.deployments.clear();
  while (!world.awaits(Call::Exists)) world.run(1s);
  world.answer(world.take_request(Call::Exists));

  CHECK(world.offered("new") == "n");
  CHECK(world.hold());
}

TEST_CASE("what was asked about before the brake held is held with the rest [B5]") {
  World world;
  fill(world);
  world.remove(id(0));
  world.statuses["exists"] = 500;
  relist(world);
  world.serve_for(12s);
  REQUIRE(world.artifact(id(0))->question == Question::Absence);
  world.deployments.clear();
  relist(world);
  world.serve();
  REQUIRE(world.hold());
  world.statuses.clear();
  world.serve_for(60s);

  CHECK(in_service(world) == 20);
}

TEST_CASE("the first to come into service stays, though lists that had nothing to weigh lacked it [B5]") {
  World world;
  world.settle();
  world.statuses = {{"fetch_batch", 500}, {"exists", 500}};
  world.event(world.deploy("first", "d"));
  world.serve_for(1s);
  const auto all = std::exchange(world.deployments, {});
  relist(world);
  world.serve_for(12s);
  REQUIRE(world.artifact("first")->question == Question::Absence);
  REQUIRE_FALSE(world.hold());

  world.deployments = all;
  world.statuses.erase("fetch_batch");
  while (world.offered("first").empty()) {
    world.run(1s);
    if (world.awaits(Call::FetchBatch)) world.answer(world.take_request(Call::FetchBatch));
  }
  world.deployments.clear();
  world.statuses.clear();
  world.serve_for(300s);

  CHECK(world.offered("first") == "d");
  CHECK(world.hold());
}

TEST_CASE("a hold is in the store, with its listing [B5] [CE-12]") {
  World world;
  fill(world);
  const auto all = world.deployments;
  world.deployments.clear();
  relist(world);
  world.answer(world.take_request(Call::Deployments));
  world.restart();  // right after the transaction that ended the listing
  CHECK(world.hold());
  world.link_up();
  world.serve_for(120s);

  CHECK(in_service(world) == 20);
  CHECK(world.hold());
}

TEST_CASE("what somebody asked for is not held") {
  World world;
  fill(world, 8);
  for (int i = 0; i < 7; ++i) world.event(world.undeploy(id(i)));
  world.remove(id(7));
  world.deleted_event(id(7));
  world.serve();

  CHECK(in_service(world, 8) == 0);
  CHECK_FALSE(world.hold());
}

TEST_CASE("newer rows that undeploy are not held") {
  World world;
  fill(world, 8);
  for (int i = 0; i < 8; ++i) world.undeploy(id(i));
  relist(world);
  world.serve();

  CHECK(in_service(world, 8) == 0);
  CHECK_FALSE(world.hold());
}

TEST_CASE("older rows that take everything out of service are held") {
  World world;
  fill(world, 8);
  for (auto& [name, deployment] : world.deployments) {
    deployment.deployed = false;
    deployment.at = deployment.at - 1h;
  }
  relist(world);
  world.serve_for(120s);

  CHECK(in_service(world, 8) == 8);
  CHECK(world.hold());
  CHECK(world.held().size() == 8);
}

TEST_CASE("a few older rows that undeploy are taken when they are said again") {
  World world;
  fill(world);
  for (int i = 0; i < 3; ++i) {
    world.deployments[id(i)].deployed = false;
    world.deployments[id(i)].at = world.deployments[id(i)].at - 1h;
  }
  relist(world);
  world.serve();
  CHECK(in_service(world) == 20);
  world.serve_for(15s);

  CHECK(in_service(world) == 17);
  CHECK(world.standing().in_sync);
}

TEST_CASE("a control plane that was restored to earlier deployments is followed") {
  World world;
  fill(world, 2);
  for (auto& [name, deployment] : world.deployments) {
    deployment.deployment_id = "restored-" + name;
    deployment.at = deployment.at - 1h;
  }
  relist(world);
  world.serve();
  CHECK(world.offered("a0") == "d0");
  world.serve_for(15s);

  CHECK(world.offered("a0") == "restored-a0");
  CHECK(world.offered("a1") == "restored-a1");
}

TEST_CASE("an empty list of keys is held, kind by kind [B5]") {
  World world;
  for (int i = 0; i < 8; ++i) {
    const std::string key = "k" + std::to_string(i);
    world.keys[key] = World::key(key, "a0", key, from_ms(1));
  }
  fill(world, 3);
  world.keys.clear();
  relist(world);
  world.serve_for(120s);

  CHECK_FALSE(world.offered("ApiKey", "k0").empty());
  CHECK(world.hold("keys/RestApi"));
}

TEST_CASE("keys of what is undeployed are not in the list and do not hold the brake [B3]") {
  World world;
  for (int i = 0; i < 8; ++i) {
    const std::string key = "k" + std::to_string(i);
    world.keys[key] = World::key(key, i < 7 ? "a0" : "a1", key, from_ms(1));
  }
  fill(world, 3);
  world.event(world.undeploy("a0"));
  world.push();
  relist(world);
  world.serve_for(30s);

  CHECK_FALSE(world.hold("keys/RestApi"));
  CHECK_FALSE(world.resource("ApiKey", "k0")->gone);
  CHECK(world.standing().in_sync);
  world.run(5s);
  world.event(world.deploy("a0", "again"));
  world.serve();
  CHECK_FALSE(world.offered("ApiKey", "k0").empty());
}

TEST_CASE("a listing whose removals are held is asked again each minute, and releases itself when it is whole [B5]") {
  World world;
  fill(world, 8);
  const auto kept = world.deployments;
  world.deployments.clear();
  relist(world);
  world.serve();
  REQUIRE(world.hold());
  world.deployments = kept;
  const auto listings = world.count_asked("GET /deployments");
  world.serve_for(65s);

  CHECK_FALSE(world.hold());
  CHECK(world.count_asked("GET /deployments") == listings + 1);
  CHECK(world.standing().in_sync);
}

TEST_CASE("a held listing is asked again each minute, also when one cannot be read or is not shown [B5]") {
  World world;
  world.plans["gold"] = World::plan("gold");
  fill(world, 8);
  const auto deployments = world.deployments;
  const auto plans = world.plans;
  const std::string held = GENERATE("deployments", "plans");
  CAPTURE(held);
  (held == "plans") ? world.plans.clear() : world.deployments.clear();
  relist(world);
  world.serve();
  REQUIRE(world.hold(held));

  SECTION("a row cannot be read") {
    world.rows_rejected = held == "plans" ? 0 : 1;
    world.unreadable = {held};
  }
  SECTION("it is not shown") {
    if (held == "plans") world.statuses["plans"] = GENERATE(403, 404);
  }
  world.serve_for(65s);
  world.rows_rejected = 0;
  world.unreadable.clear();
  world.statuses.clear();
  world.plans = plans;
  world.deployments = deployments;
  world.serve_for(60s);

  CHECK_FALSE(world.hold(held));
  CHECK(world.standing().in_sync);
}

TEST_CASE("an empty list of keys is held, however many keys other kinds of artifacts have [B5]") {
  World world;
  world.deploy("p", "d", "LlmProvider");
  for (int i = 0; i < 40; ++i) {
    const std::string key = "k" + std::to_string(i);
    world.keys[key] = World::key(key, i < 4 ? "a0" : "p", key, from_ms(1));
  }
  fill(world, 3);
  std::erase_if(world.keys, [](const auto& key) { return key.second.artifact_id == "a0"; });
  relist(world);
  world.serve_for(60s);

  CHECK_FALSE(world.offered("ApiKey", "k0").empty());
  CHECK(world.hold("keys/RestApi"));
}

TEST_CASE("secrets that nothing refers to any more hold no brake [B6]") {
  World world;
  for (int i = 0; i < 8; ++i) {
    const std::string handle = "s" + std::to_string(i);
    world.secrets[handle] = {"h", "v"};
    world.needs_secrets["d0"].push_back(handle);
  }
  fill(world, 3);
  world.run(3s);
  world.event(world.undeploy("a0"));
  world.push();
  world.secrets.clear();  // the list has only what something wanted refers to
  relist(world);
  world.serve_for(30s);

  CHECK_FALSE(world.hold("secrets"));
  CHECK(world.offered("Secret", "s0").empty());
  CHECK(world.standing().in_sync);
}

TEST_CASE("a secret of a last good version alone holds no brake, for no list shows it [B6]") {
  World world;
  world.secrets["s"] = {"h", "v"};
  world.needs_secrets["d0"] = {"s"};
  fill(world, 3);
  world.run(3s);
  world.event(world.deploy("a0", "refused"));
  world.serve();
  world.push({{"RestApi", "a0", "no"}});
  REQUIRE(world.offered("a0") == "d0");
  world.secrets.clear();
  relist(world);
  world.serve_for(30s);

  CHECK_FALSE(world.hold("secrets"));
  CHECK_FALSE(world.offered("Secret", "s").empty());
  CHECK(world.standing().complete);
}

TEST_CASE("what an operator has released keeps no gateway waiting, though it is still in use") {
  World world;
  world.secrets["s"] = {"h", "v"};
  world.needs_secrets["d0"] = {"s"};
  fill(world, 3);
  world.secrets.clear();
  relist(world);
  world.serve();
  REQUIRE(world.hold("secrets"));
  CHECK_FALSE(world.standing().complete);
  world.release("secrets");
  world.serve_for(65s);

  CHECK(world.standing().complete);
  CHECK_FALSE(world.standing().in_sync);  // what is wanted needs it
  CHECK_FALSE(world.offered("Secret", "s").empty());
}

TEST_CASE("a brake's time runs from listing to listing of one link, not over a change of link [B5]") {
  Hold hold;
  hold.noted = 5;
  hold.judged_link = 1;
  hold.judged_ms = 10'000;
  Lacking listing;
  listing.link = 1;
  listing.ended_ms = 200'000;
  listing.keeps_some = true;
  CHECK(judge_hold(hold, listing, 3600s).held_ms == 190'000);

  listing.link = 2;
  CHECK(judge_hold(hold, listing, 3600s).held_ms == 0);
  CHECK(judge_hold(hold, listing, 3600s).judged_ms == 200'000);
}

TEST_CASE("of older rows that take something out of service one listing takes a thousand, and the next one the rest") {
  const int many = static_cast<int>(kMaxTakenBack) + 2;
  EngineOptions options;
  options.deletion_release_after = 0s;
  World world(options);
  fill(world, many);
  for (auto& [name, deployment] : world.deployments) {
    if (name == id(0)) continue;
    deployment.deployed = false;
    deployment.at = deployment.at - 1h;
  }
  relist(world);
  world.serve();
  REQUIRE(world.hold());
  for (int i = 0; i < 120 && in_service(world, many) == many; ++i) world.serve_for(1s);

  CHECK(in_service(world, many) == 2);
  world.serve_for(120s);
  CHECK(in_service(world, many) == 1);
}
