#include <algorithm>
#include <catch2/catch.hpp>

#include "tether/sync/questions.h"
#include "world.h"

using namespace tether;
using namespace tether::sync;
using namespace tether::sync::test;

namespace {

/// Ten artifacts in service, so that one may go without the brake.
void fill_with_ten(World& world) {
  for (int i = 0; i < 10; ++i) world.deploy("a" + std::to_string(i), "d" + std::to_string(i));
  world.keys["k"] = World::key("k", "a0", "key", from_ms(1));
  world.settle();
}

}  // namespace

TEST_CASE("a deleted event asks whether the artifact exists, and alone removes nothing [B4]") {
  World world;
  fill_with_ten(world);
  world.remove("a0");
  world.deleted_event("a0");

  CHECK(world.offered("a0") == "d0");
  CHECK_FALSE(world.standing().in_sync);
  CHECK(world.requests.size() == 1);
  world.serve();

  CHECK(world.offered("a0").empty());
  CHECK(world.artifact("a0")->wanted == Wanted::Gone);
  CHECK(world.resource("ApiKey", "k")->gone);
}

TEST_CASE("a deleted event about something that exists was an old one") {
  World world;
  fill_with_ten(world);
  world.deleted_event("a0");
  world.serve_for(2s);

  CHECK(world.offered("a0") == "d0");
  CHECK(world.standing().in_sync);
}

TEST_CASE("a deleted event that comes while an earlier question is out is asked about again [B4]") {
  World world;
  fill_with_ten(world);
  world.deleted_event("a0");
  const auto first = world.take_request(Call::Exists);
  world.remove("a0");
  world.deleted_event("a0");
  world.artifacts.insert("a0");  // the earlier answer was given before the deletion
  world.answer(first);
  world.artifacts.erase("a0");
  world.serve();

  CHECK(world.artifact("a0")->wanted == Wanted::Gone);
}

TEST_CASE("a question that fails removes nothing and is asked again [A4]") {
  World world;
  fill_with_ten(world);
  world.remove("a0");
  world.statuses["exists"] = 503;
  world.deleted_event("a0");
  world.serve_for(10s);
  CHECK(world.offered("a0") == "d0");

  world.statuses.clear();
  world.serve_for(10s);

  CHECK(world.artifact("a0")->wanted == Wanted::Gone);
}

TEST_CASE("a question outlives a restart [A4]") {
  World world;
  fill_with_ten(world);
  world.remove("a0");
  world.deleted_event("a0");
  world.restart();
  CHECK(world.offered("a0") == "d0");

  world.link_up();
  world.serve();

  CHECK(world.artifact("a0")->wanted == Wanted::Gone);
}

TEST_CASE("an answer that leaves an artifact out is not asked again at once") {
  World world;
  fill_with_ten(world);
  world.deleted_event("a0");
  const auto request = world.take_request(Call::Exists);
  RequestOutcome outcome;
  outcome.status = 200;
  outcome.complete = true;
  world.with([&](Engine& engine, Records& records) { engine.on_done(records, request.number, outcome, world.now()); });

  CHECK_FALSE(world.awaits(Call::Exists));
  world.run(2s);
  CHECK(world.awaits(Call::Exists));
}

TEST_CASE("a deleted event about something unknown is only seen") {
  World world;
  fill_with_ten(world);
  world.deleted_event("never-had");

  CHECK(world.requests.empty());
  CHECK(world.timestamp("api.deleted").is_set());
}

TEST_CASE("what a deployment replaced while the question was out stays [B4]") {
  World world;
  fill_with_ten(world);
  world.deleted_event("a0");
  const auto request = world.take_request(Call::Exists);
  world.artifacts.erase("a0");
  world.run(3s);
  const Deployment newer = world.deploy("a0", "d0b");
  world.artifacts.erase("a0");
  world.event(newer);
  world.answer(request);

  CHECK(world.artifact("a0")->wanted == Wanted::Deployed);
}

TEST_CASE("absent from two listings and still existing is undeployed and keeps its keys [B3] [F6]") {
  World world;
  fill_with_ten(world);
  world.deployments.erase("a0");
  world.acks.clear();
  world.relist();
  world.serve();
  CHECK(world.offered("a0") == "d0");
  CHECK_FALSE(world.standing().in_sync);
  world.serve_for(12s);
  world.push();

  CHECK(world.offered("a0").empty());
  CHECK(world.artifact("a0")->wanted == Wanted::Undeployed);
  CHECK(world.artifact("a0")->by_absence);
  CHECK_FALSE(world.resource("ApiKey", "k")->gone);
  CHECK(world.offered("ApiKey", "k").empty());
  CHECK(world.acks.empty());
  CHECK(world.standing().in_sync);
}

TEST_CASE("what is undeployed by absence is not asked about twice at every listing [B3]") {
  World world;
  fill_with_ten(world);
  world.deployments.erase("a0");
  world.relist();
  world.serve_for(12s);
  const auto listings = world.count_asked("GET /deployments");
  world.relist();
  world.serve_for(12s);

  CHECK(world.count_asked("GET /deployments") == listings + 1);
  world.artifacts.erase("a0");
  world.relist();
  world.serve();
  CHECK(world.artifact("a0")->wanted == Wanted::Gone);
}

TEST_CASE("all is in sync while it is asked whether what is undeployed by absence exists still") {
  World world;
  fill_with_ten(world);
  world.deployments.erase("a0");
  world.relist();
  world.serve_for(12s);
  world.push();
  REQUIRE(world.standing().in_sync);
  world.statuses["exists"] = 503;
  world.relist();
  world.serve_for(12s);

  REQUIRE(world.artifact("a0")->question == Question::Absence);
  CHECK(world.standing().in_sync);
}

TEST_CASE("what is undeployed and then deleted without an event or a row stays undeployed [F8]") {
  World world;
  fill_with_ten(world);
  const Deployment old = world.deployments["a0"];
  world.run(3s);
  world.event(world.undeploy("a0"));
  world.push();
  const auto acks = world.acks.size();
  world.deployments.erase("a0");  // the deployment is deleted, the artifact exists
  world.relist();
  world.serve_for(12s);
  CHECK(world.artifact("a0")->by_absence);

  world.event(old);
  world.serve_for(12s);
  world.push();

  CHECK(world.offered("a0").empty());
  CHECK(world.artifact("a0")->wanted == Wanted::Undeployed);
  CHECK(world.acks.size() == acks);
  CHECK(world.standing().in_sync);
}

TEST_CASE("two hundred artifacts are asked about at once, and one more after them") {
  World world;
  const std::size_t many = kMaxExistsAtOnce + 1;
  for (std::size_t i = 0; i < many; ++i) world.deploy("a" + std::to_string(i), "d" + std::to_string(i));
  world.settle();
  world.statuses["exists"] = 503;  // until all are asked about
  for (std::size_t i = 0; i < many; ++i) world.deleted_event("a" + std::to_string(i));
  world.serve_for(2s);
  world.statuses.clear();
  world.run(300s);
  const auto first = world.take_request(Call::Exists);
  CHECK(ids_in(first.body).size() == kMaxExistsAtOnce);
  CHECK_FALSE(world.awaits(Call::Exists));

  world.answer(first);

  CHECK(ids_in(world.take_request(Call::Exists).body).size() == 1);
}

TEST_CASE("absent from two listings and not existing is gone [B4]") {
  World world;
  fill_with_ten(world);
  world.remove("a0");
  world.relist();
  world.serve_for(12s);

  CHECK(world.artifact("a0")->wanted == Wanted::Gone);
}

TEST_CASE("absent from one listing and back in the next stays in service [CE-10]") {
  World world;
  fill_with_ten(world);
  const Deployment kept = world.deployments["a0"];
  world.deployments.erase("a0");
  world.relist();
  world.serve();
  world.deployments["a0"] = kept;
  world.serve_for(12s);

  CHECK(world.offered("a0") == "d0");
  CHECK(world.standing().in_sync);
}

TEST_CASE("a listing that waited long for the store is as old as it was when it came [CE-10]") {
  World world;
  fill_with_ten(world);
  world.deployments.erase("a0");
  world.relist();
  const auto listing = world.take_request(Call::Deployments);
  world.run(5min);
  world.answer(listing);
  world.serve_for(12s);
  CHECK(world.offered("a0") == "d0");

  world.serve_for(12s);
  CHECK(world.offered("a0").empty());
}

TEST_CASE("two absences under two links are no confirmation [CE-10]") {
  World world;
  fill_with_ten(world);
  world.deployments.erase("a0");
  world.relist();
  world.serve();
  world.link_down();
  world.run(20s);
  world.link_up();
  world.serve();

  CHECK(world.offered("a0") == "d0");
  CHECK(world.count_asked("POST /artifacts/exists") == 0);
}

TEST_CASE("a listing with a row that cannot be read says nothing about absence") {
  World world;
  fill_with_ten(world);
  world.deployments.erase("a0");
  world.rows_rejected = 1;
  world.relist();
  world.serve_for(30s);

  CHECK(world.offered("a0") == "d0");
  CHECK_FALSE(world.artifact("a0")->absent);
}

TEST_CASE("what is deployed while a listing is read is not absent from it [B4]") {
  World world;
  fill_with_ten(world);
  world.relist();
  const auto listing = world.take_request(Call::Deployments);
  world.run(3s);
  const Deployment newer = world.deploy("new", "d-new");
  world.event(newer);
  world.deployments.erase("new");
  world.answer(listing);

  CHECK_FALSE(world.artifact("new")->absent);
  CHECK(world.artifact("new")->wanted == Wanted::Deployed);
}

TEST_CASE("an earlier row that the next listing does not have is no open question for good") {
  World world;
  fill_with_ten(world);
  world.deployments["a0"].deployment_id = "d-earlier";
  world.deployments["a0"].at = world.deployments["a0"].at - 1h;
  world.relist();
  world.serve_for(2s);
  REQUIRE(world.artifact("a0")->went_back);
  world.deployments.erase("a0");
  world.serve_for(2min);

  CHECK(world.artifact("a0")->wanted == Wanted::Undeployed);
  CHECK_FALSE(world.artifact("a0")->went_back);
  world.push();
  CHECK(world.standing().in_sync);
}

TEST_CASE("what no listing has is undeployed, also if it was asked meanwhile whether an event was old") {
  World world;
  fill_with_ten(world);
  world.deleted_event("a0");
  world.run(1s);
  const auto question = world.take_request(Call::Exists);
  world.deployments.erase("a0");
  world.relist();
  world.serve_for(2s);

  world.answer(question);
  world.run(1s);
  CHECK_FALSE(world.standing().in_sync);
  CHECK(world.offered("a0") == "d0");

  world.serve_for(30s);
  CHECK(world.offered("a0").empty());
  CHECK(world.artifact("a0")->wanted == Wanted::Undeployed);
}

TEST_CASE("something deleted that comes back is deployed again") {
  World world;
  fill_with_ten(world);
  world.remove("a0");
  world.deleted_event("a0");
  world.serve();
  world.push();
  world.run(5s);
  world.event(world.deploy("a0", "d-again"));
  world.serve_for(5s);

  CHECK(world.offered("a0") == "d-again");
}

TEST_CASE("a tombstone is dropped an hour after it came, once the gateway has answered it") {
  World world;
  fill_with_ten(world);
  world.remove("a0");
  world.deleted_event("a0");
  world.serve_for(10s);
  CHECK(world.artifact("a0"));
  world.push();
  const auto revision = world.artifact("a0")->offering.revision;
  world.serve_for(59min);
  CHECK(world.artifact("a0"));
  world.serve_for(3min);

  CHECK_FALSE(world.artifact("a0"));
  CHECK(world.read<Marks>([](Records& records) { return records.marks(); }).floor >= revision);
}

TEST_CASE("a tombstone is kept while it is asked whether what was deleted is there again") {
  World world;
  fill_with_ten(world);
  world.remove("a0");
  world.deleted_event("a0");
  world.serve_for(10s);
  world.push();
  world.serve_for(59min);
  world.event(world.deploy("a0", "d-again"));
  world.answer(world.take_request(Call::Deployments));
  const auto question = world.take_request(Call::Exists);
  world.serve_for(3min);
  CHECK_FALSE(world.standing().in_sync);
  CHECK(world.artifact("a0"));

  world.answer(question);
  world.serve_for(5s);
  CHECK(world.offered("a0") == "d-again");
}

TEST_CASE("a tombstone that no gateway has answered is kept") {
  World world;
  fill_with_ten(world);
  world.remove("a0");
  world.deleted_event("a0");
  world.serve_for(62min);

  CHECK(world.artifact("a0"));
}

TEST_CASE("an application goes with the artifact that its last key belonged to") {
  World world;
  fill_with_ten(world);
  protocol::ResourceState application;
  application.kind = "Application";
  application.id = "app";
  application.references = {"k"};
  application.data = R"({"id":"app"})";
  world.event("application.updated", protocol::ApplicationUpdated{application});
  CHECK(world.offered("Application", "app") == R"({"id":"app"})");

  world.remove("a0");
  world.deleted_event("a0");
  world.serve();

  CHECK(world.offered("Application", "app").empty());
}

TEST_CASE("an absence is not confirmed by a question that was still open when a list showed it again [CE-10]") {
  World world;
  fill_with_ten(world);
  const Deployment kept = world.deployments["a0"];
  world.deployments.erase("a0");
  world.statuses["exists"] = 500;
  world.relist();
  world.serve_for(12s);
  REQUIRE(world.artifact("a0")->question == Question::Absence);

  world.deployments["a0"] = kept;
  world.relist();
  world.serve();
  CHECK(world.artifact("a0")->question == Question::None);
  world.statuses.clear();
  world.serve_for(400s);

  CHECK(world.offered("a0") == "d0");
  CHECK(world.standing().in_sync);
}

TEST_CASE("an absence is not confirmed by an answer that comes long after, or on another link [CE-10]") {
  World world;
  fill_with_ten(world);
  world.deployments.erase("a0");
  world.statuses["exists"] = 500;
  world.relist();
  world.serve_for(12s);
  REQUIRE(world.artifact("a0")->question == Question::Absence);

  SECTION("long after") {
    // No list comes in between: the delta of the next poll is far.
    world.serve_for(120s);
    world.statuses.clear();
    while (!world.awaits(Call::Exists)) world.run(1s);
    world.answer(world.take_request(Call::Exists));
    CHECK(world.offered("a0") == "d0");
    world.serve_for(30s);
  }
  SECTION("on another link") {
    world.link_down();
    world.statuses.clear();
    world.link_up();
    while (!world.awaits(Call::Exists)) world.run(1s);
    world.answer(world.take_request(Call::Exists));
    CHECK(world.offered("a0") == "d0");
    world.serve_for(30s);
  }
  // Asked anew, and confirmed anew.
  CHECK(world.artifact("a0")->by_absence);
}

TEST_CASE("an absence is confirmed however long a list takes [B3]") {
  World world;
  fill_with_ten(world);
  world.deployments.erase("a0");
  world.relist();
  for (int lists = 0; lists < 2; ++lists) {
    while (!world.awaits(Call::Deployments)) {
      world.run(1s);
      if (!world.requests.empty() && !world.awaits(Call::Deployments)) world.serve();
    }
    const auto list = world.take_request(Call::Deployments);
    world.run(70s);  // the answer is long in coming
    world.answer(list);
  }
  world.serve_for(12s);

  CHECK(world.artifact("a0")->by_absence);
}
