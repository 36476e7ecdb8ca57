#include <catch2/catch.hpp>

#include "world.h"

using namespace tether;
using namespace tether::sync;
using namespace tether::sync::test;

namespace {

const std::vector<protocol::RejectedLine> kRefuseA = {{"RestApi", "a", "no"}};

/// `a` is good as d1; d2 was offered and refused.
void refuse_second(World& world) {
  world.deploy("a", "d1");
  world.settle();
  world.event(world.deploy("a", "d2"));
  world.serve();
  world.push(kRefuseA);
}

}  // namespace

TEST_CASE("a refused document falls back to the last good one") {
  World world;
  refuse_second(world);

  CHECK(world.offered("a") == "d1");
  CHECK(world.artifact("a")->offering.refused->version.body == "d2");
  CHECK(world.standing().settled);
  CHECK_FALSE(world.standing().in_sync);
}

TEST_CASE("the last good one outlives restarts of both sides") {
  World world;
  refuse_second(world);
  world.restart();
  world.restart_gateway("instance-2");

  CHECK(world.offered("a") == "d1");
}

TEST_CASE("a refused first deployment leaves nothing") {
  World world;
  world.settle();
  world.event(world.deploy("a", "d1"));
  world.serve();
  world.push(kRefuseA);

  CHECK(world.offered("a").empty());
}

TEST_CASE("a refused document is neither fetched nor offered again by listings") {
  World world;
  refuse_second(world);
  world.push();
  const auto fetched = world.count_asked("POST /deployments/fetch-batch");
  world.relist();
  world.serve_for(59min);

  CHECK(world.offered("a") == "d1");
  CHECK(world.count_asked("POST /deployments/fetch-batch") == fetched);
}

TEST_CASE("a refused document is tried again after an hour") {
  World world;
  refuse_second(world);
  world.push();
  world.serve_for(62min);

  CHECK(world.offered("a") == "d2");
}

TEST_CASE("a refused document is tried again when another gateway instance has answered") {
  World world;
  refuse_second(world);
  world.push();
  world.restart_gateway("instance-2");
  CHECK(world.offered("a") == "d1");
  world.push();
  CHECK(world.offered("a") == "d2");
  world.push();

  CHECK(world.standing().in_sync);
  CHECK(world.acks.back() == SaidAck{"a", "d2", "deploy", "success", world.deployments["a"].at_text});
}

TEST_CASE("a new deployment ends the quarantine of the one before") {
  World world;
  refuse_second(world);
  world.push();
  world.run(3s);
  world.event(world.deploy("a", "d3"));
  world.serve();
  CHECK(world.offered("a") == "d3");
  world.push();

  CHECK_FALSE(world.artifact("a")->offering.refused);
  CHECK(world.standing().in_sync);
}

TEST_CASE("new content ends the quarantine of a key") {
  World world;
  world.deploy("a", "d1");
  world.keys["k"] = World::key("k", "a", "key", from_ms(1000), "one");
  world.link_up();
  world.serve();
  world.push({{"ApiKey", "k", "no"}});
  world.push();
  CHECK(world.offered("ApiKey", "k").empty());
  world.keys["k"] = World::key("k", "a", "key", from_ms(9000), "two");
  world.event("apikey.created", protocol::KeyCreated{world.keys["k"]});
  world.push();

  CHECK(world.offered("ApiKey", "k") == world.keys["k"].data);
  CHECK_FALSE(world.resource("ApiKey", "k")->offering.refused);
  CHECK(world.standing().in_sync);
}

TEST_CASE("the refusal of the last good one leaves nothing, and the wanted one is tried with the new gateway") {
  World world;
  refuse_second(world);
  world.push();
  world.restart_gateway("instance-2");
  world.push(kRefuseA);

  CHECK_FALSE(world.artifact("a")->offering.good.is_set());
  CHECK(world.offered("a") == "d2");
}

TEST_CASE("undeploying forgets what was good and what was refused") {
  World world;
  refuse_second(world);
  world.push();
  world.run(3s);
  world.event(world.undeploy("a"));

  CHECK_FALSE(world.artifact("a")->offering.good.is_set());
  CHECK_FALSE(world.artifact("a")->offering.refused);
  CHECK(world.offered("a").empty());
}

TEST_CASE("what is stopped in quarantine is removed: the gateway may have kept the version before [C4]") {
  World world;
  refuse_second(world);
  world.push(kRefuseA);  // d1, which it keeps, and which is to be removed now
  world.push(kRefuseA);  // and that is refused as well
  REQUIRE(world.artifact("a")->offering.refused->version.body == "d2");
  const auto revision = world.artifact("a")->offering.revision;
  world.run(3s);
  SECTION("undeployed") {
    world.event(world.undeploy("a"));
    CHECK(world.acks.back().action == "deploy");
  }
  SECTION("deleted") {
    world.remove("a");
    world.deleted_event("a");
    world.serve();
  }
  CHECK(world.artifact("a")->offering.revision > revision);

  world.push(kRefuseA);
  CHECK_FALSE(world.standing().settled);
  world.run(6s);
  world.push();
  CHECK_FALSE(world.artifact("a")->offering.refused);
}

TEST_CASE("a quarantine that ends with nothing to offer is followed by the removal, once more [C4]") {
  World world;
  SECTION("another version, whose document is not here") {
    refuse_second(world);
    world.push(kRefuseA);
    world.push(kRefuseA);
    const auto revision = world.artifact("a")->offering.revision;
    world.run(3s);
    world.event(world.deploy("a", "d3"));

    CHECK(world.offered("a").empty());
    CHECK(world.artifact("a")->offering.revision > revision);
  }
  SECTION("the next try, of a key whose artifact is not in service") {
    const std::vector<protocol::RejectedLine> refuse = {{"ApiKey", "k", "no"}};
    world.deploy("a", "d1");
    world.keys["k"] = World::key("k", "a", "key", from_ms(1000), "one");
    world.settle();
    world.keys["k"] = World::key("k", "a", "key", from_ms(9000), "two");
    world.event("apikey.created", protocol::KeyCreated{world.keys["k"]});
    for (int times = 0; times < 3; ++times) world.push(refuse);  // two, one, and the removal of one
    REQUIRE(world.resource("ApiKey", "k")->offering.refused->version.is_set());
    world.run(3s);
    world.event(world.undeploy("a"));
    const auto revision = world.resource("ApiKey", "k")->offering.revision;
    world.run(61min);

    CHECK(world.offered("ApiKey", "k").empty());
    CHECK(world.resource("ApiKey", "k")->offering.revision > revision);
  }
}

TEST_CASE("the answer to a push does not make good what was stopped meanwhile [CE-11]") {
  World world;
  world.settle();
  world.event(world.deploy("a", "d1"));
  world.serve();
  const auto push = world.start_push();
  world.run(3s);
  world.event(world.undeploy("a"));
  world.run(3s);
  world.event(world.deploy("a", "d2"));
  world.serve();
  world.answer_push(push);
  CHECK_FALSE(world.artifact("a")->offering.good.is_set());

  world.push(kRefuseA);

  CHECK(world.offered("a").empty());
}

TEST_CASE("what was stopped while a listing was read does not come into service by its row [CE-11]") {
  World world;
  world.deploy("a", "d1");
  for (int i = 0; i < 9; ++i) world.deploy("b" + std::to_string(i), "e" + std::to_string(i));
  world.settle();
  world.deployments.erase("a");
  world.relist();
  world.serve_for(30s);
  world.push();
  REQUIRE(world.artifact("a")->by_absence);
  const auto second = world.deploy("a", "d2");
  world.event(second);
  const auto listing = world.take_request(Call::Deployments);
  world.run(1s);
  world.event(world.undeploy("a"));
  const auto stopped = world.deployments["a"];
  world.deployments["a"] = second;
  world.answer(listing);
  world.deployments["a"] = stopped;
  CHECK(world.artifact("a")->by_absence);
  CHECK(world.timestamp("api.deployed") < second.at);  // its effect is not stored yet

  world.run(1s);
  world.event(world.deploy("a", "d3"));
  world.serve();
  CHECK(world.offered("a") == "d3");
}

TEST_CASE("the answer to a push makes good what that push carried, not what is offered by now") {
  World world;
  world.settle();
  world.event(world.deploy("a", "d1"));
  world.serve();
  const auto push = world.start_push();
  world.run(3s);
  world.event(world.deploy("a", "d2"));
  world.serve();
  world.answer_push(push);

  CHECK(world.artifact("a")->offering.good.body == "d1");
  CHECK(world.offered("a") == "d2");
  CHECK(world.acks.empty());
}

TEST_CASE("the refusal of what is no longer offered changes nothing") {
  World world;
  world.settle();
  world.event(world.deploy("a", "d1"));
  world.serve();
  const auto push = world.start_push();
  world.run(3s);
  world.event(world.deploy("a", "d2"));
  world.serve();
  world.answer_push(push, kRefuseA);

  CHECK(world.offered("a") == "d2");
  CHECK_FALSE(world.artifact("a")->offering.refused);
  CHECK(world.acks.empty());
}

TEST_CASE("a refusal that came after the secret it needed has changed waits for the answer to the new value [B6]") {
  World world;
  world.secrets["s"] = {"h1", "v1"};
  world.needs_secrets["d1"] = {"s"};
  world.settle();
  world.event(world.deploy("a", "d1"));
  world.serve();
  const auto push = world.start_push();
  world.secrets["s"] = {"h2", "v2"};
  world.relist();
  world.serve();
  world.answer_push(push, kRefuseA);

  CHECK(world.offered("a") == "d1");
  CHECK_FALSE(world.artifact("a")->offering.refused);
}

TEST_CASE("a refused document is tried again when the value of its secret changes [B6]") {
  World world;
  world.secrets["s"] = {"h1", "v1"};
  world.needs_secrets["d1"] = {"s"};
  world.deploy("a", "d1");
  world.link_up();
  world.serve();
  world.push({{"RestApi", "a", "cannot log in"}});
  world.push();
  REQUIRE(world.offered("a").empty());
  REQUIRE(world.artifact("a")->offering.refused);
  world.serve_for(20min);
  CHECK(world.offered("a").empty());

  world.secrets["s"] = {"h2", "v2"};
  world.serve_for(20min);
  CHECK(world.offered("a") == "d1");
}

TEST_CASE("a refused subscription is tried again when its plan changes") {
  World world;
  world.plans["gold"] = World::plan("gold");
  world.subscriptions["s"] = World::subscription("s", "a", "gold");
  world.deploy("a", "d1");
  world.link_up();
  world.serve();
  world.push({{"Subscription", "s", "no such limit"}});
  world.push();
  REQUIRE(world.offered("Subscription", "s").empty());

  world.plans["gold"].data = R"({"id":"gold","limit":7})";
  world.serve_for(20min);
  world.push();
  CHECK_FALSE(world.offered("Subscription", "s").empty());
}

TEST_CASE("a refused proxy is tried again when its provider is deployed anew") {
  World world;
  world.deploy("provider", "v1", "LlmProvider");
  world.deploy("proxy", "p1", "LlmProxy");
  world.needs_providers["p1"] = {"handle-provider"};
  world.link_up();
  world.serve();
  world.push({{"LlmProxy", "proxy", "no"}});
  world.push();
  CHECK(world.offered("proxy").empty());
  world.run(3s);
  world.event(world.deploy("provider", "v2", "LlmProvider"));
  world.serve();
  CHECK(world.offered("proxy").empty());
  world.push();

  CHECK(world.offered("proxy") == "p1");
}

TEST_CASE("a line that was refused alone leaves the difference") {
  World world;
  world.deploy("a", "d1");
  world.settle();
  world.event(world.deploy("a", "d2"));
  world.serve();
  const auto push = world.start_push();
  world.with([&](Engine& engine, Records& records) {
    engine.on_line_refused(records, push, {"RestApi", "a", "too large"}, world.now());
  });

  CHECK(world.offered("a") == "d1");
  CHECK(world.artifact("a")->offering.refused->version.body == "d2");
}

TEST_CASE("what comes before the refusal of a lone line is stored is not refused with it [C5]") {
  World world;
  world.deploy("a", "d1");
  world.settle();
  world.event(world.deploy("a", "d2"));
  world.serve();
  const auto push = world.start_push();  // its answer is here, and waits for what came before it
  world.event(world.deploy("a", "d3"));
  world.serve();
  world.acks.clear();
  world.with([&](Engine& engine, Records& records) {
    engine.on_line_refused(records, push, {"RestApi", "a", "too large"}, world.now());
  });

  CHECK(world.offered("a") == "d3");
  CHECK_FALSE(world.artifact("a")->offering.refused);
  world.push();
  CHECK(world.acks.size() == 1);
  CHECK(world.acks.back().status == "success");
}

TEST_CASE("a reason is cut on the boundary of a character") {
  World world;
  world.settle();
  world.event(world.deploy("a", "d1"));
  world.serve();
  std::string reason(kMaxReasonChars - 1, 'x');
  reason += "\xC3\xA4\xC3\xA4";
  world.push({{"RestApi", "a", reason}});

  CHECK(world.artifact("a")->offering.refused->reason == std::string(kMaxReasonChars - 1, 'x'));
}

TEST_CASE("a removal that was refused is tried again within seconds, and until it is carried out [C4]") {
  World world;
  world.deploy("a", "d1");
  world.settle();
  world.run(3s);
  world.event(world.undeploy("a"));
  world.push(kRefuseA);
  REQUIRE(world.artifact("a")->offering.refused);
  const auto refused_at = world.artifact("a")->offering.revision;

  for (int times = 0; times < 3; ++times) {
    world.run(6s);
    CHECK(world.artifact("a")->offering.revision > refused_at);
    world.push(kRefuseA);
  }
  CHECK(world.acks.back().action == "deploy");
  CHECK_FALSE(world.standing().settled);

  world.run(6s);
  world.push();
  CHECK_FALSE(world.artifact("a")->offering.refused);
  CHECK(world.acks.back().action == "undeploy");
  CHECK(world.acks.back().status == "success");
}

TEST_CASE(
    "a gateway that refuses to remove what it refused to take changes nothing: `failed`, and no more lines [C5]") {
  World world;
  world.settle();
  world.run(3s);
  world.event(world.deploy("a", "d1"));
  world.serve();
  world.push(kRefuseA);
  SECTION("line by line") {
    world.push(kRefuseA);
  }
  SECTION("as a whole") {
    const auto push = world.start_push();
    world.with([&](Engine& engine, Records& records) {
      engine.on_line_refused(records, push, {"RestApi", "a", "not found"}, world.now());
    });
    world.push();
  }

  REQUIRE(world.artifact("a")->offering.refused);
  CHECK(world.artifact("a")->offering.refused->version.body == "d1");
  REQUIRE(world.acks.size() == 1);
  CHECK(world.acks[0].status == "failed");
  world.serve_for(2s);
  CHECK(world.standing().settled);
  CHECK_FALSE(world.standing().in_sync);
  const auto revision = world.read<std::int64_t>([](Records& records) { return records.revision(); });
  world.serve_for(10min);
  CHECK(world.read<std::int64_t>([](Records& records) { return records.revision(); }) == revision);
}
