#include <catch2/catch.hpp>

#include "world.h"

using namespace tether;
using namespace tether::sync;
using namespace tether::sync::test;

TEST_CASE("every connect is followed by a full listing, not only the first [A2] [F1]") {
  World world;
  world.settle();
  for (int i = 0; i < 3; ++i) {
    world.link_down();
    const std::string id = "a" + std::to_string(i);
    world.deploy(id, "d-" + id);
    world.link_up();
    world.serve();
    CHECK(world.offered(id) == "d-" + id);
  }
}

TEST_CASE("the manifest is posted after each connect, with the id that the control plane gave [F13]") {
  EngineOptions options;
  options.manifest = R"({"version":"1.0.0"})";
  World world(options);
  world.link_up("gateway/1");

  CHECK(world.asked.front() == "POST /gateways/gateway%2F1/manifest");
  CHECK(world.bodies.front() == options.manifest);
}

TEST_CASE("a refused manifest is told to the operator and stops nothing") {
  World world;
  world.statuses["manifest"] = 409;
  world.deploy("a", "d1");
  world.settle();

  CHECK(world.offered("a") == "d1");
  CHECK(world.notes.size() == 1);
}

TEST_CASE("nothing is asked or said before the connection.ack") {
  World world;
  world.open_link();

  CHECK(world.requests.empty());
}

TEST_CASE("a second connection.ack changes nothing") {
  World world;
  world.link_up();
  const auto asked = world.asked.size();
  world.ack_link();

  CHECK(world.asked.size() == asked);
}

TEST_CASE("a restart in the middle of everything goes on where it was [A4]") {
  World world;
  world.deploy("a", "d1");
  world.settle();
  world.statuses["fetch_batch"] = 503;
  world.event(world.deploy("a", "d2"));
  world.serve();
  const Instant pending = world.timestamp("api.deployed");
  world.restart();
  CHECK(world.timestamp("api.deployed") == pending);
  CHECK(world.offered("a") == "d1");
  world.statuses.clear();
  world.link_up();
  world.serve();
  world.push();

  CHECK(world.offered("a") == "d2");
  CHECK(world.acks.back().deployment_id == "d2");
  CHECK(world.timestamp("api.deployed") > pending);
  CHECK(world.standing().in_sync);
}

TEST_CASE("a delta that the control plane does not understand is asked as a full list") {
  EngineOptions options;
  options.planner.poll_interval = 300s;
  World world(options);
  world.deploy("a", "d1");
  world.settle();
  world.deploy("b", "d2");
  while (!world.awaits(Call::Deployments)) world.run(1s);
  const auto delta = world.take_request(Call::Deployments);
  RequestOutcome bad;
  bad.status = 400;
  world.with([&](Engine& engine, Records& records) { engine.on_done(records, delta.number, bad, world.now()); });
  world.serve_for(3s);

  CHECK(world.offered("b") == "d2");
}

TEST_CASE("what was to be sent on a link that went is not sent on the next, which may be another identity's [CE-8]") {
  World world;
  world.settle();
  world.run(3s);
  world.event(world.deploy("a", "d1"));
  world.serve();
  const auto push = world.start_push();
  const auto epoch = world.read<std::string>([](Records& records) { return records.epoch(); });
  const auto revision = world.read<std::int64_t>([](Records& records) { return records.revision(); });
  world.acks.clear();
  world.pings.clear();
  const PushAnswered answer{push, world.instance, epoch, 0, revision, {}};

  // A slow disk: all of it shares one transaction.
  world.with([&](Engine& engine, Records& records) {
    engine.on_push_answered(records, answer, world.now());
    engine.on_link_down(records, world.now());
    engine.on_link_up(records, world.now());
    engine.on_connection_ack(records, {"another", "c", world.cp_now()}, world.now().steady, world.now());
    engine.on_pong(records, 1'000'000, world.now());
  });
  CHECK(world.acks.empty());
  CHECK(world.pings.empty());

  world.link_up();
  world.serve();
  REQUIRE(world.acks.size() == 1);
  CHECK(world.acks[0].deployment_id == "d1");
}
