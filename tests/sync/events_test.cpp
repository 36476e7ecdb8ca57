#include <catch2/catch.hpp>

#include "world.h"

using namespace tether;
using namespace tether::sync;
using namespace tether::sync::test;

namespace {

/// a0 is a tombstone that the gateway has answered, a1 is in service.
void delete_one_of_two(World& world) {
  world.deploy("a0", "d0");
  world.deploy("a1", "d1");
  world.settle();
  world.remove("a0");
  world.deleted_event("a0");
  world.serve_for(10s);
  world.push();
}

}  // namespace

TEST_CASE("a deploy event brings its deployment into service and is acknowledged [R22]") {
  World world;
  world.settle();

  world.event(world.deploy("a", "d1"));
  world.serve();
  CHECK(world.offered("a") == "d1");
  CHECK(world.acks.empty());
  world.push();

  CHECK(world.acks == std::vector<SaidAck>{{"a", "d1", "deploy", "success", world.deployments["a"].at_text}});
}

TEST_CASE("a later deployment replaces the one in service only when its document is here [CE-3]") {
  World world;
  world.deploy("a", "d1");
  world.settle();

  world.event(world.deploy("a", "d2"));
  CHECK(world.offered("a") == "d1");
  world.serve();

  CHECK(world.offered("a") == "d2");
}

TEST_CASE("what waits for its document keeps the newer offer, not the last good one [CE-3]") {
  World world;
  world.deploy("a", "d1");
  world.settle();
  world.event(world.deploy("a", "d2"));
  world.serve();
  const auto push = world.start_push();  // its answer is still out
  world.run(3s);
  world.event(world.deploy("a", "d3"));

  CHECK(world.offered("a") == "d2");
  world.answer_push(push);
  CHECK(world.artifact("a")->offering.good.body == "d2");
  CHECK(world.acks.back().deployment_id == "d1");
}

TEST_CASE("an undeploy event takes out of service whatever deployment it names [C5]") {
  World world;
  world.deploy("a", "d1");
  world.settle();

  Deployment undeployed = world.undeploy("a");
  undeployed.deployment_id = "d0";
  world.event(undeployed);
  CHECK(world.offered("a").empty());
  world.push();

  CHECK(world.acks.back() == SaidAck{"a", "d0", "undeploy", "success", undeployed.at_text});
}

TEST_CASE("an event that is replayed after a listing does not bring back what was deleted [CE-6]") {
  World world;
  world.settle();
  const Deployment old = world.deploy("a", "d1");
  world.link_down();
  world.remove("a");
  world.run(5s);
  world.link_up();
  world.serve();

  world.event(old);
  world.serve_for(5s);

  CHECK(world.offered("a").empty());
  CHECK_FALSE(world.artifact("a"));
}

TEST_CASE("an old undeploy that is replayed does not stop what was redeployed [CE-6]") {
  World world;
  world.deploy("a", "d1");
  world.settle();
  world.link_down();
  const Deployment undeployed = world.undeploy("a");
  world.run(5s);
  world.deploy("a", "d1");
  world.run(5s);
  world.link_up();
  world.serve();

  world.event(undeployed);
  world.serve_for(5s);

  CHECK(world.offered("a") == "d1");
}

TEST_CASE("an undeploy that commits behind a deploy that was stamped later has the deployments listed, and stops it") {
  World world;
  world.deploy("a", "d1");
  world.deploy("b", "e1");
  world.settle();
  world.run(20s);
  const Deployment stop = world.undeploy("a");
  world.run(4s);
  Deployment again = stop;
  again.deployed = true;
  again.at = world.cp_now();
  again.at_text = format_rfc3339(again.at);
  world.event(again);  // deployed once more, and committed first: the row is the stop's
  world.serve();
  const auto listings = world.count_asked("GET /deployments");
  world.event(stop);
  CHECK(world.count_asked("GET /deployments") == listings + 1);
  CHECK_FALSE(world.standing().settled);
  world.serve_for(15s);

  CHECK(world.offered("a").empty());
  CHECK(world.artifact("a")->wanted == Wanted::Undeployed);
  CHECK(world.standing().in_sync);
}

TEST_CASE("a doubt is answered by a full listing asked after it") {
  World world;
  world.deploy("a", "d1");
  world.settle();
  const auto listings = world.count_asked("GET /deployments");
  Deployment older = world.deployments["a"];
  older.deployment_id = "d0";
  older.at = older.at - 1s;

  for (int i = 0; i < 5; ++i) world.event(older);
  CHECK_FALSE(world.standing().in_sync);
  CHECK(world.offered("a") == "d1");
  world.serve_for(2s);

  // The first is asked at once; those after it, within a second, share the next.
  CHECK(world.count_asked("GET /deployments") == listings + 2);
  CHECK(world.asked.back() == "GET /deployments");
  CHECK(world.standing().in_sync);
}

TEST_CASE("events before the connection.ack are kept and handled in order") {
  World world;
  world.settle();
  world.link_down();
  world.run(10s);
  world.open_link();
  world.run(10s);
  const Deployment deployed = world.deploy("a", "d1");
  world.event(deployed);
  world.run(5ms);
  const Deployment undeployed = world.undeploy("a");
  world.event(undeployed);
  CHECK_FALSE(world.artifact("a"));

  world.ack_link();
  CHECK_FALSE(world.awaits(Call::FetchBatch));
  world.serve_for(2s);

  CHECK(world.artifact("a")->wanted == Wanted::Undeployed);
}

TEST_CASE("events beyond the limit before the ack are dropped, and the listing makes up for them") {
  World world;
  world.open_link();
  for (std::size_t i = 0; i < kMaxEarlyEvents + 10; ++i) world.event("plan.updated", protocol::UnknownEvent{});
  world.event(world.deploy("late", "d1"));
  world.ack_link();
  world.serve();

  CHECK(world.offered("late") == "d1");
}

TEST_CASE("kinds that are not known pass through the generic path [A6]") {
  World world;
  world.deploy("w", "d1", "WebSubApi");
  world.deploy("f", "d2", "FutureApi");
  world.settle();

  CHECK(world.offered("w") == "d1");
  CHECK(world.offered("f") == "d2");
}

TEST_CASE("redeployed and undeployed while we were away stays out of service [B1]") {
  World world;
  world.deploy("a", "d1");
  world.settle();
  world.link_down();
  world.deploy("a", "d2");
  world.run(5ms);
  world.undeploy("a");
  world.run(5s);

  world.link_up();
  world.serve();
  world.push();

  CHECK(world.offered("a").empty());
  CHECK(world.count_asked("POST /deployments/fetch-batch") == 1);
  CHECK(world.acks.back().action == "undeploy");
}

TEST_CASE("the event timestamp never passes an event that is pending") {
  World world;
  world.settle();
  const Deployment first = world.deploy("a", "d1");
  world.statuses["fetch_batch"] = 503;
  world.event(first);
  world.serve();
  world.run(500ms);
  world.event(world.deploy("b", "d2"));
  world.serve();
  CHECK(world.timestamp("api.deployed") == first.at - 1ms);

  world.statuses.clear();
  world.serve_for(5s);
  CHECK(world.timestamp("api.deployed") == first.at - 1ms);
  world.push();

  CHECK(world.timestamp("api.deployed") == world.deployments["b"].at);
}

TEST_CASE("a delta begins two minutes before the earliest pending event [A3]") {
  EngineOptions options;
  options.planner.poll_interval = 300s;
  World world(options);
  world.deploy("old", "d0");
  world.settle();
  world.run(100s);
  world.deployments["old"].at_text = "seen";
  const Deployment first = world.deploy("a", "d1");
  world.event(first);
  world.statuses["fetch_batch"] = 503;
  world.serve_for(250s);
  const Instant since = world.deployments["old"].at - 120s;

  CHECK(world.asked.end() !=
        std::find(world.asked.begin(), world.asked.end(), "GET /deployments?since=" + protocol::since_query(since)));
}

TEST_CASE("a control plane without deployments is asked for a delta since the beginning of time") {
  EngineOptions options;
  options.planner.poll_interval = 300s;
  World world(options);
  world.settle();
  world.serve_for(350s);

  CHECK(world.count_asked("GET /deployments?since=1970-01-01T00%3A00%3A00.000Z") == 1);
}

TEST_CASE("a change whose event was lost arrives within one poll [A1]") {
  EngineOptions options;
  options.planner.poll_interval = 300s;
  World world(options);
  world.settle();
  world.deploy("a", "d1");

  world.serve_for(330s);

  CHECK(world.offered("a") == "d1");
}

TEST_CASE("a full listing does not put the events of the next second in doubt [R25]") {
  World world;
  world.settle();
  world.run(5s);
  world.relist();
  world.serve();
  world.run(20ms);
  const auto listings = world.count_asked("GET /deployments");
  for (int i = 0; i < 10; ++i) {
    world.event(world.deploy("a" + std::to_string(i), "d" + std::to_string(i)));
    world.run(50ms);
  }

  CHECK(world.artifact("a9"));
  CHECK(world.count_asked("GET /deployments") == listings);
}

TEST_CASE("early events are kept up to their size on the wire [R28]") {
  World world;
  world.open_link();
  protocol::Event large;
  large.type = "api.deployed";
  large.bytes = kMaxEarlyBytes / 2;
  for (int i = 0; i < 3; ++i) {
    const std::string id = "a" + std::to_string(i);
    large.body = protocol::DeploymentChanged{"RestApi", id, "d", true, world.cp_now() + 3s, ""};
    world.with([&](Engine& engine, Records& records) { engine.on_event(records, large, world.now()); });
  }
  world.ack_link();

  CHECK(world.artifact("a0"));
  CHECK(world.artifact("a1"));
  CHECK_FALSE(world.artifact("a2"));  // the full round that follows would bring it
}

TEST_CASE("an event about something deleted is pending until it is known whether that is there again") {
  World world;
  delete_one_of_two(world);
  const auto again = world.deploy("a0", "d-again");
  const auto at = again.at;
  world.event(again);
  world.answer(world.take_request(Call::Deployments));
  CHECK(world.timestamp("api.deployed") < at);

  SECTION("it is") {
    world.serve_for(5s);
    world.push();
    CHECK(world.timestamp("api.deployed") >= at);
  }
  SECTION("it is not") {
    world.remove("a0");
    world.answer(world.take_request(Call::Exists));
    CHECK(world.timestamp("api.deployed") >= at);
  }
}

TEST_CASE("a doubt about something deleted does not end with a listing in whose midst that is found to be there") {
  World world;
  delete_one_of_two(world);
  const auto again = world.deploy("a0", "d-again");
  const auto at = again.at;
  world.event(again);
  const auto listing = world.take_request(Call::Deployments);
  const auto whole = [&](Engine& engine, Records& records) {
    RequestOutcome outcome;
    outcome.status = 200;
    outcome.complete = true;
    outcome.date = world.cp_now();
    engine.on_done(records, listing.number, outcome, world.now());
  };
  world.with([&](Engine& engine, Records& records) {
    std::vector<protocol::DeploymentRow> rows;
    for (const auto& [id, d] : world.deployments) {
      rows.push_back({d.kind, d.id, d.deployment_id, d.deployed, d.at, d.at_text});
    }
    engine.on_deployment_rows(records, listing.number, rows, world.now());
  });
  world.answer(world.take_request(Call::Exists));
  world.with(whole);
  CHECK(world.timestamp("api.deployed") < at);

  world.serve_for(5s);
  world.push();
  CHECK(world.offered("a0") == "d-again");
  CHECK(world.timestamp("api.deployed") >= at);
}

TEST_CASE("what is said while it is asked whether something deleted exists is not settled by that answer") {
  World world;
  delete_one_of_two(world);
  world.event(world.deploy("a0", "d-again"));
  world.answer(world.take_request(Call::Deployments));
  const auto question = world.take_request(Call::Exists);
  const auto anew = world.deploy("a0", "d-anew");
  const auto answer_as_of_before = [&world, &question] {
    world.artifacts.erase("a0");  // it had been deleted in between
    world.answer(question);
    world.artifacts.insert("a0");
  };
  SECTION("by an event") {
    world.event(anew);
    world.run(5s);
    answer_as_of_before();
    CHECK(world.timestamp("api.deployed") < anew.at);
    world.serve();
  }
  SECTION("by a list") {
    world.run(16min);
    world.answer(world.take_request(Call::Deployments));
    answer_as_of_before();
    world.serve_for(15s);
  }
  CHECK(world.offered("a0") == "d-anew");
}

TEST_CASE(
    "a deleted event of before what is stored is doubted: an answer that lags would end what was made anew [B4]") {
  World world;
  world.deploy("a0", "d0");
  world.settle();
  protocol::Event late;
  late.type = "api.deleted";
  late.correlation_id = "late";
  late.at = Instant{world.cp_now().second() * 1'000'000'000};
  late.body = protocol::ArtifactDeleted{"RestApi", "a0"};
  world.run(2s);
  world.event(world.deploy("a0", "d-anew"));
  world.serve();
  SECTION("it was of an earlier life") {
    world.with([&](Engine& engine, Records& records) { engine.on_event(records, late, world.now()); });
    CHECK_FALSE(world.awaits(Call::Exists));
    world.serve_for(2s);
    CHECK(world.offered("a0") == "d-anew");
  }
  SECTION("it is gone after all, and a clock was set back") {
    world.deploy("a1", "d1");  // or all would be missing
    world.relist();
    world.serve();
    world.remove("a0");
    world.with([&](Engine& engine, Records& records) { engine.on_event(records, late, world.now()); });
    world.serve_for(15s);
    CHECK(world.offered("a0").empty());
  }
  CHECK(world.standing().in_sync);
}

TEST_CASE("a doubt about what a listing leaves to the next one stays until that comes") {
  World world;
  world.deploy("a0", "d0");
  for (int i = 1; i < 10; ++i) world.deploy("a" + std::to_string(i), "d" + std::to_string(i));
  world.settle();
  world.deployments.erase("a0");
  world.relist();
  world.serve_for(30s);
  REQUIRE(world.artifact("a0")->by_absence);
  world.deleted_event("a0");
  const auto question = world.take_request(Call::Exists);
  const auto anew = world.deploy("a0", "d-anew");
  world.event(anew);
  world.run(2s);
  const auto listing = world.take_request(Call::Deployments);
  world.artifacts.erase("a0");  // it had been deleted before it was made anew
  world.answer(question);
  world.artifacts.insert("a0");
  world.answer(listing);  // asked before that was known
  CHECK(world.timestamp("api.deployed") < anew.at);

  world.serve_for(30s);
  CHECK(world.offered("a0") == "d-anew");
}

TEST_CASE("a doubt about something deleted outlives its tombstone") {
  World world;
  delete_one_of_two(world);
  world.serve_for(59min);
  const auto again = world.deploy("a0", "d-again");
  world.event(again);
  const auto listing = world.take_request(Call::Deployments);  // not answered for long
  world.run(3min);

  CHECK_FALSE(world.artifact("a0"));
  CHECK(world.timestamp("api.deployed") < again.at);
  CHECK_FALSE(world.standing().in_sync);
}
