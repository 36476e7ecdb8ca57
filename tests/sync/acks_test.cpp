#include <algorithm>
#include <catch2/catch.hpp>

#include "world.h"

using namespace tether;
using namespace tether::sync;
using namespace tether::sync::test;

namespace {

std::size_t said(const World& world, const std::string& status) {
  return static_cast<std::size_t>(std::count_if(world.acks.begin(), world.acks.end(),
                                                [&status](const SaidAck& ack) { return ack.status == status; }));
}

/// a/d1 is a success, and the gateway that has started anew since refuses it.
void refuse_what_was_a_success(World& world) {
  world.settle();
  world.event(world.deploy("a", "d1"));
  world.serve();
  world.push();
  world.restart_gateway("instance-2");
  world.push({{"RestApi", "a", "no"}});
}

}  // namespace

TEST_CASE("what a listing brought is acknowledged like what an event brought [C1]") {
  World world;
  const Deployment deployed = world.deploy("a", "d1");
  world.link_up();
  world.serve();
  CHECK(world.acks.empty());
  world.push();

  CHECK(world.acks == std::vector<SaidAck>{{"a", "d1", "deploy", "success", deployed.at_text}});
}

TEST_CASE("nothing is acknowledged before the gateway has answered [C4]") {
  World world;
  world.deploy("a", "d1");
  world.link_up();
  world.serve();
  const auto push = world.start_push();
  world.run(10s);
  CHECK(world.acks.empty());
  world.answer_push(push);
  CHECK(world.acks.size() == 1);

  world.run(5s);
  world.event(world.undeploy("a"));
  CHECK(world.acks.size() == 1);
  world.push();
  CHECK(world.acks.size() == 2);
}

TEST_CASE("an answer of another instance or an earlier epoch settles nothing [C4]") {
  World world;
  world.deploy("a", "d1");
  world.link_up();
  world.serve();
  world.push();
  world.restart_gateway("instance-2");

  world.run(5s);
  world.event(world.undeploy("a"));
  world.event(world.deploy("b", "d2"));
  world.serve();

  CHECK(world.acks.size() == 1);
  world.push();
  CHECK(world.acks.size() == 3);
}

TEST_CASE("an instance that is about to be replaced has answered nothing [CE-1] [C4]") {
  World world;
  world.deploy("a", "d1");
  world.settle();
  const auto replacing = [&world](const std::string& instance) {
    world.with([&](Engine& engine, Records& records) { engine.on_replacing(records, instance, world.now()); });
    return world.read<Answered>([](Records& records) { return records.marks().answered; });
  };
  CHECK(replacing("instance-2").instance == "instance-1");
  CHECK(replacing("instance-1") == Answered{});
  world.acks.clear();
  world.event(world.deploy("b", "d2"));
  world.serve();
  CHECK(world.acks.empty());
  world.push();
  CHECK(world.acks.size() == 1);
}

TEST_CASE("a late success is still said [C1] [F5]") {
  World world;
  world.settle();
  world.event(world.deploy("a", "d1"));
  world.serve_for(600s);
  world.push();

  CHECK(world.acks.back().status == "success");
}

TEST_CASE("performedAt is echoed to the character [C1] [F9]") {
  World world;
  world.settle();
  Deployment deployed = world.deploy("a", "d1");
  deployed.at_text = "2026-08-22T13:00:05.1230+02:00";
  world.event(deployed);
  world.serve();
  world.push();

  CHECK(world.acks.back().performed_at == "2026-08-22T13:00:05.1230+02:00");
}

TEST_CASE("the same event again is the same ack again [C2]") {
  World world;
  world.settle();
  world.event(world.deploy("a", "d1"));
  world.serve();
  world.push();
  world.pong();
  CHECK(world.acks.size() == 1);

  world.event(world.deployments["a"]);

  CHECK(world.acks.size() == 2);
  CHECK(world.acks[0] == world.acks[1]);
}

TEST_CASE("the same event with its correlation id is acknowledged again too [C2]") {
  World world;
  world.settle();
  const Deployment d = world.deploy("a", "d1");
  const protocol::DeploymentChanged body{d.kind, d.id, d.deployment_id, d.deployed, d.at, d.at_text};
  world.event("api.deployed", body, "same");
  world.serve();
  world.push();

  world.event("api.deployed", body, "same");

  CHECK(world.acks.size() == 2);
}

TEST_CASE("the same statement in other words is acknowledged in these words [C2]") {
  World world;
  world.settle();
  Deployment deployed = world.deploy("a", "d1");
  world.event(deployed);
  world.serve();
  world.push();
  deployed.at_text = "other words";
  world.event(deployed);

  REQUIRE(world.acks.size() == 2);
  CHECK(world.acks[1].performed_at == "other words");
}

TEST_CASE("a success is repeated on each link until a pong says that it was read [C3]") {
  World world;
  world.deploy("a", "d1");
  world.link_up();
  world.serve();
  world.push();
  CHECK(world.acks.size() == 1);
  CHECK(world.pings.size() == 1);
  world.run(5s);
  CHECK(world.acks.size() == 1);

  world.link_down();
  world.link_up();
  CHECK(world.acks.size() == 2);
  world.pong();
  world.link_down();
  world.link_up();

  CHECK(world.acks.size() == 2);
}

TEST_CASE("a pong of an earlier ping does not strike a later ack [C3]") {
  World world;
  world.deploy("a", "d1");
  world.link_up();
  world.serve();
  world.push();
  const auto early = world.pings.back();
  world.run(5s);
  world.event(world.deploy("b", "d2"));
  world.serve();
  world.push();
  world.with([&](Engine& engine, Records& records) { engine.on_pong(records, early, world.now()); });

  world.link_down();
  world.link_up();

  REQUIRE(world.acks.size() == 3);
  CHECK(world.acks[2].artifact_id == "b");
}

TEST_CASE("acks wait in the store over a restart [C3]") {
  World world;
  world.deploy("a", "d1");
  world.link_up();
  world.serve();
  world.link_down();
  world.push();
  CHECK(world.acks.empty());

  world.restart();
  world.link_up();

  CHECK(world.acks.size() == 1);
}

TEST_CASE("a newer verdict replaces the one that was not sent [C3]") {
  World world;
  world.deploy("a", "d1");
  world.link_up();
  world.serve();
  world.push();
  world.run(5s);
  world.event(world.undeploy("a"));
  world.push();
  world.acks.clear();

  world.link_down();
  world.link_up();

  REQUIRE(world.acks.size() == 1);
  CHECK(world.acks[0].action == "undeploy");
}

TEST_CASE("a refusal is said while it is younger than 55 seconds, once [C5]") {
  World world;
  world.settle();
  world.event(world.deploy("a", "d1"));
  world.serve();
  world.push({{"RestApi", "a", "no"}});
  world.push();
  CHECK(said(world, "failed") == 1);

  world.link_down();
  world.link_up();
  world.serve();
  world.event(world.deployments["a"]);

  CHECK(said(world, "failed") == 1);
}

TEST_CASE("what a link that is gone was answered with makes no refusal older: another server has another clock [C5]") {
  World world;
  world.open_link();
  world.ack_link();
  const SendRequest late = world.take_request(Call::Deployments);
  world.link_down();
  world.settle();
  world.with([&](Engine& engine, Records& records) {
    RequestOutcome outcome;
    outcome.date = world.cp_now() + 1h;
    engine.on_done(records, late.number, outcome, world.now());
  });

  world.event(world.deploy("a", "d1"));
  world.serve();
  world.push({{"RestApi", "a", "no"}});
  world.push();

  CHECK(said(world, "failed") == 1);
}

TEST_CASE("a refusal that waited for the store is as old as it is, also if the connection.ack waited with it [C5]") {
  World world;
  world.deploy("a", "d1");
  world.settle();
  world.link_down();
  world.acks.clear();
  auto again = world.deploy("a", "d1");
  again.at = again.at + 2s;
  SECTION("not long") {
    world.ack_waits = 10s;
  }
  SECTION("too long") {
    world.ack_waits = 1min;
  }
  world.link_up();
  world.event(again);
  world.push({{"RestApi", "a", "no"}});  // before any answer says what time it is
  world.push();

  CHECK(world.acks.empty() == (world.ack_waits == 1min));
}

TEST_CASE("a refusal that is 55 seconds old is not said [C5]") {
  World world;
  world.settle();
  const Deployment deployed = world.deploy("a", "d1");
  world.event(deployed);
  world.serve();
  world.run(55s);
  world.push({{"RestApi", "a", "no"}});
  world.push();

  CHECK(said(world, "failed") == 0);
}

TEST_CASE("a refusal that could not be sent in time is dropped [C5]") {
  World world;
  world.settle();
  world.event(world.deploy("a", "d1"));
  world.serve();
  world.link_down();
  world.push({{"RestApi", "a", "no"}});
  world.push();
  world.run(60s);

  world.link_up();
  world.serve();

  CHECK(said(world, "failed") == 0);
}

TEST_CASE("a gateway that starts anew and refuses what was a success is not reported [C5] [CE-15]") {
  World world;
  refuse_what_was_a_success(world);
  world.push();
  world.event(world.deployments["a"]);

  CHECK(said(world, "success") == 1);
  CHECK(said(world, "failed") == 0);
}

TEST_CASE("other words for the instant of what was a success and is refused are no failure [C5] [CE-15]") {
  World world;
  refuse_what_was_a_success(world);
  auto again = world.deployments["a"];
  again.at_text.insert(again.at_text.size() - 1, "000");
  world.event(again);
  world.push();

  CHECK(world.artifact("a")->at_text == again.at_text);
  CHECK(said(world, "failed") == 0);
}

TEST_CASE("failures are not reported where a token is shared") {
  EngineOptions options;
  options.report_failures = false;
  World world(options);
  world.settle();
  world.event(world.deploy("a", "d1"));
  world.serve();
  world.push({{"RestApi", "a", "no"}});
  world.push();

  CHECK(world.acks.empty());
}

TEST_CASE("a failure that the next try mends is a success [C5]") {
  World world;
  world.settle();
  world.event(world.deploy("a", "d1"));
  world.serve();
  world.push({{"RestApi", "a", "no"}});
  world.push();
  world.restart_gateway("instance-2");
  world.push();
  CHECK(world.offered("a") == "d1");
  world.push();

  CHECK(said(world, "failed") == 1);
  CHECK(world.acks.back().status == "success");
}

TEST_CASE("an undeployment that the gateway refused is not acknowledged, and is tried again [C4]") {
  World world;
  world.deploy("a", "d1");
  world.settle();
  world.event(world.undeploy("a"));
  world.push({{"RestApi", "a", "busy"}});
  CHECK(world.acks.size() == 1);

  world.serve_for(130s);
  world.push();

  REQUIRE(world.acks.size() == 2);
  CHECK(world.acks[1].action == "undeploy");
}

TEST_CASE("a second undeployment does not make a refused removal forgotten [C4]") {
  World world;
  world.deploy("a", "d1");
  world.settle();
  world.event(world.undeploy("a"));
  world.push({{"RestApi", "a", "busy"}});
  world.run(5s);
  world.event(world.undeploy("a"));
  CHECK(world.acks.size() == 1);

  const auto revision = world.artifact("a")->offering.revision;
  const auto answered = world.read<Marks>([](Records& records) { return records.marks(); }).answered.revision;
  CHECK(revision > answered);
  world.push();
  CHECK(world.acks.size() == 2);
}

TEST_CASE("a removal that comes while a lone line is refused is still sent [C4]") {
  World world;
  world.deploy("a", "d1");
  world.settle();
  world.event(world.deploy("a", "d2"));
  world.serve();
  const auto push = world.start_push();
  world.run(3s);
  world.event(world.undeploy("a"));
  const auto removal = world.artifact("a")->offering.revision;
  world.with([&](Engine& engine, Records& records) {
    engine.on_line_refused(records, push, {"RestApi", "a", "too large"}, world.now());
  });

  CHECK(world.artifact("a")->offering.revision >= removal);
  CHECK(world.acks.size() == 1);
}

TEST_CASE("more acks than one batch are all said when the first were read [C3]") {
  World world;
  for (int i = 0; i < 620; ++i) world.deploy("a" + std::to_string(i), "d" + std::to_string(i));
  world.link_up();
  world.serve();
  world.push();
  world.pong();

  CHECK(world.acks.size() == 620);
}

TEST_CASE("a removal that is refused after it was asked for twice is not acknowledged [C4]") {
  World world;
  world.deploy("a", "d1");
  world.settle();
  world.event(world.undeploy("a"));
  const auto push = world.start_push();
  world.run(3s);
  world.event(world.undeploy("a"));
  world.answer_push(push, {{"RestApi", "a", "busy"}});

  CHECK(world.acks.size() == 1);
  CHECK_FALSE(world.standing().in_sync);
  CHECK_FALSE(world.standing().settled);  // it is not in service by our will
}
