#include <algorithm>
#include <catch2/catch.hpp>

#include "world.h"

using namespace tether;
using namespace tether::sync;
using namespace tether::sync::test;

namespace {

/// Whatever batch has `bad` in it is answered 500. How often that was asked for.
std::size_t serve_with_a_spoiler(World& world, Duration time) {
  std::size_t asked_for_it = 0;
  for (Duration passed{}; passed < time; passed += 100ms) {
    world.run(100ms);
    while (!world.requests.empty()) {
      const auto request = world.requests.front();
      world.requests.erase(world.requests.begin());
      const bool spoils = request.call == Call::FetchBatch && request.body.find("bad") != std::string::npos;
      asked_for_it += spoils ? 1 : 0;
      if (spoils) world.statuses["fetch_batch"] = 500;
      world.answer(request);
      world.statuses.clear();
    }
  }
  return asked_for_it;
}

}  // namespace

TEST_CASE("documents are fetched by deployment id, also a single one [B2]") {
  World world;
  world.settle();
  world.event(world.deploy("a", "d1"));

  REQUIRE(world.awaits(Call::FetchBatch));
  CHECK(ids_in(world.requests.back().body) == std::vector<std::string>{"d1"});
}

TEST_CASE("a document that belongs to what is no longer wanted is not taken [B2]") {
  World world;
  world.settle();
  world.event(world.deploy("a", "d1"));
  const auto batch = world.take_request(Call::FetchBatch);
  const auto first = world.deployments["a"];
  world.run(3s);
  const auto second = world.deploy("a", "d2");
  world.event(second);
  world.deployments["a"] = first;
  world.answer(batch);
  CHECK(world.offered("a").empty());
  world.deployments["a"] = second;
  world.serve_for(5s);

  CHECK(world.offered("a") == "d2");
}

TEST_CASE("a failed fetch is tried again without end [A4]") {
  World world;
  world.settle();
  world.statuses["fetch_batch"] = 503;
  world.event(world.deploy("a", "d1"));
  world.serve_for(2h);
  CHECK(world.count_asked("POST /deployments/fetch-batch") > 20);
  CHECK_FALSE(world.standing().settled);

  world.statuses.clear();
  world.serve_for(301s);

  CHECK(world.offered("a") == "d1");
}

TEST_CASE("work that is left outlives a restart [A4]") {
  World world;
  world.settle();
  world.statuses["fetch_batch"] = 503;
  world.event(world.deploy("a", "d1"));
  world.serve();
  world.restart();
  world.statuses.clear();
  world.link_up();
  REQUIRE(world.awaits(Call::FetchBatch));
  world.serve();

  CHECK(world.offered("a") == "d1");
}

TEST_CASE("what a batch lacks is asked for again, and the list is asked whether it is still wanted [A5]") {
  World world;
  world.settle();
  world.deploy("a", "d1");
  world.deployments["a"].unavailable = true;
  world.event(world.deployments["a"]);
  world.deploy("b", "d2");
  world.event(world.deployments["b"]);
  const auto listings = world.count_asked("GET /deployments");
  world.serve_for(3s);
  CHECK(world.offered("b") == "d2");
  CHECK(world.count_asked("GET /deployments") == listings + 1);
  CHECK_FALSE(world.standing().settled);

  world.deployments["a"].unavailable = false;
  world.serve_for(30s);

  CHECK(world.offered("a") == "d1");
  CHECK(world.standing().in_sync);
}

TEST_CASE("a document under another artifact's name is not asked for without a pause") {
  World world;
  world.settle();
  world.event(world.deploy("a", "d1"));
  const auto batch = world.take_request(Call::FetchBatch);
  world.with([&](Engine& engine, Records& records) {
    engine.on_documents(records, batch.number, {{"d1", "stranger", "text", "handle", {}, {}, ""}}, world.now());
    RequestOutcome outcome;
    outcome.status = 200;
    outcome.complete = true;
    engine.on_done(records, batch.number, outcome, world.now());
  });

  CHECK_FALSE(world.awaits(Call::FetchBatch));
}

TEST_CASE("a batch names at most fifty deployments") {
  World world;
  for (int i = 0; i < 120; ++i) world.deploy("a" + std::to_string(i), "d" + std::to_string(i));
  world.link_up();
  for (int i = 0; i < 2; ++i) {
    const auto request = world.requests.front();
    world.requests.erase(world.requests.begin());
    world.answer(request);
  }

  REQUIRE(world.awaits(Call::FetchBatch));
  CHECK(ids_in(world.take_request(Call::FetchBatch).body).size() == protocol::kMaxBatchDeployments);
}

TEST_CASE("a batch that is too large is asked again in halves, down to the one document that is too large") {
  World world;
  for (int i = 0; i < 9; ++i) world.deploy("a" + std::to_string(i), "d" + std::to_string(i));
  world.link_up();
  std::vector<std::size_t> sizes;
  const auto serve = [&](Duration time) {
    for (Duration passed{}; passed < time; passed += 10ms) {
      world.run(10ms);
      while (!world.requests.empty()) {
        const auto request = world.requests.front();
        world.requests.erase(world.requests.begin());
        const auto ids = request.call == Call::FetchBatch ? ids_in(request.body) : std::vector<std::string>();
        if (request.call == Call::FetchBatch) sizes.push_back(ids.size());
        if (std::find(ids.begin(), ids.end(), "d4") == ids.end()) {
          world.answer(request);
          continue;
        }
        RequestOutcome outcome;
        outcome.status = 200;
        outcome.too_large = true;
        world.with(
            [&](Engine& engine, Records& records) { engine.on_done(records, request.number, outcome, world.now()); });
      }
    }
  };

  serve(100ms);

  for (int i = 0; i < 9; ++i) {
    const std::string id = std::to_string(i);
    CHECK(world.offered("a" + id) == (i == 4 ? "" : "d" + id));
  }
  REQUIRE(world.artifact("a4")->offering.refused);
  CHECK(world.artifact("a4")->offering.refused->reason.find("limits.max_document_bytes") != std::string::npos);
  CHECK(sizes == std::vector<std::size_t>{9, 4, 4, 1, 2, 2, 1, 1});

  // It is asked for again when it is deployed anew, and the next ones come in larger batches again.
  sizes.clear();
  world.run(1s);
  world.event(world.deploy("a4", "d4b"));
  serve(100ms);
  CHECK(world.offered("a4") == "d4b");
  world.run(1s);
  for (int i = 10; i < 90; ++i) world.event(world.deploy("a" + std::to_string(i), "d" + std::to_string(i)));
  serve(200ms);
  CHECK(*std::max_element(sizes.begin(), sizes.end()) > 9);
}

TEST_CASE("what came whole of a broken batch is used [A5]") {
  World world;
  world.settle();
  world.event(world.deploy("a", "d1"));
  const auto batch = world.take_request(Call::FetchBatch);
  world.with([&](Engine& engine, Records& records) {
    engine.on_documents(records, batch.number, {{"d1", "a", "text", "handle", {}, {}, ""}}, world.now());
    RequestOutcome outcome;
    outcome.status = 200;
    outcome.complete = false;
    engine.on_done(records, batch.number, outcome, world.now());
  });

  CHECK(world.offered("a") == "d1");
}

TEST_CASE("a document that cannot be passed on is quarantined and reported") {
  World world;
  world.settle();
  world.event(world.deploy("a", "d1"));
  const auto batch = world.take_request(Call::FetchBatch);
  world.with([&](Engine& engine, Records& records) {
    engine.on_documents(records, batch.number, {{"d1", "a", "", "", {}, {}, "not UTF-8"}}, world.now());
    RequestOutcome outcome;
    outcome.status = 200;
    outcome.complete = true;
    engine.on_done(records, batch.number, outcome, world.now());
  });

  CHECK(world.artifact("a")->offering.refused->reason == "not UTF-8");
  CHECK_FALSE(world.awaits(Call::FetchBatch));
  CHECK(world.acks.back().status == "failed");
  world.serve_for(2s);
  CHECK(world.standing().settled);
  CHECK_FALSE(world.standing().in_sync);
}

TEST_CASE("a proxy waits until its provider is offered [B8]") {
  World world;
  world.settle();
  world.needs_providers["p1"] = {"handle-provider"};
  world.event(world.deploy("proxy", "p1", "LlmProxy"));
  world.serve();
  CHECK(world.offered("proxy").empty());
  CHECK_FALSE(world.standing().settled);

  world.run(3s);
  world.event(world.deploy("provider", "v1", "LlmProvider"));
  world.serve();
  CHECK(world.offered("proxy") == "p1");

  world.run(3s);
  world.event(world.undeploy("provider"));
  CHECK(world.offered("proxy") == "p1");  // what is in service stays
}

TEST_CASE("an undeployed provider counts as absent [B8]") {
  World world;
  world.settle();
  world.deploy("provider", "v1", "LlmProvider");
  world.event(world.deployments["provider"]);
  world.serve();
  world.run(3s);
  world.event(world.undeploy("provider"));
  world.needs_providers["p1"] = {"handle-provider"};
  world.event(world.deploy("proxy", "p1", "LlmProxy"));
  world.serve();

  CHECK(world.offered("proxy").empty());
}

TEST_CASE("the same deployment restored is offered without another fetch") {
  World world;
  world.deploy("a", "d1");
  world.settle();
  const auto revision = world.artifact("a")->offering.revision;
  world.event(world.deploy("a", "d1"));

  CHECK_FALSE(world.awaits(Call::FetchBatch));
  CHECK(world.artifact("a")->offering.revision > revision);
  CHECK(world.acks.size() == 1);
  world.push();
  CHECK(world.acks.size() == 2);
}

TEST_CASE("more missing documents than can be told apart are not asked for without a pause") {
  World world;
  for (int i = 0; i < 1100; ++i) {
    const std::string id = "a" + std::to_string(i);
    world.deploy(id, "d" + std::to_string(i));
    world.deployments[id].unavailable = true;
  }
  world.link_up();
  world.serve();
  const auto batches = world.count_asked("POST /deployments/fetch-batch");
  world.run(1s);
  world.serve();

  CHECK(batches <= 22);
  CHECK(world.count_asked("POST /deployments/fetch-batch") == batches);
}

TEST_CASE("a document that never comes has the list asked once, not at each try [A5]") {
  World world;
  world.settle();
  world.deploy("a", "d1");
  world.deployments["a"].unavailable = true;
  world.event(world.deployments["a"]);
  world.serve();
  const auto lists = world.count_asked("GET /deployments");
  const auto fetches = world.count_asked("POST /deployments/fetch-batch");
  world.serve_for(600s);

  CHECK(world.count_asked("POST /deployments/fetch-batch") > fetches + 3);
  CHECK(world.count_asked("GET /deployments") == lists);
}

TEST_CASE("of a few documents that are asked for together one that spoils the batch soon is asked for alone [A5]") {
  World world;
  world.settle();
  world.deploy("a", "bad");
  for (int i = 0; i < 4; ++i) world.deploy("b" + std::to_string(i), "d" + std::to_string(i));
  world.relist();
  serve_with_a_spoiler(world, 8s);  // with four, with two, with one
  for (int i = 0; i < 4; ++i) CHECK(world.offered("b" + std::to_string(i)) == "d" + std::to_string(i));
}

TEST_CASE("a document whose fetch fails again and again holds up no other [A4] [A5]") {
  World world;
  world.settle();
  world.run(3s);
  world.event(world.deploy("a", "bad"));
  for (int i = 0; i < 4; ++i) world.event(world.deploy("b" + std::to_string(i), "d" + std::to_string(i)));
  const auto asked_for_it = serve_with_a_spoiler(world, 20s);
  for (int i = 0; i < 4; ++i) CHECK(world.offered("b" + std::to_string(i)) == "d" + std::to_string(i));

  // Nor one that comes later, and it is itself asked for ever more slowly, without end.
  world.event(world.deploy("c", "d9"));
  serve_with_a_spoiler(world, 1s);
  CHECK(world.offered("c") == "d9");
  CHECK(asked_for_it + serve_with_a_spoiler(world, 15min) < 20);
  CHECK(serve_with_a_spoiler(world, 6min) > 0);
  CHECK_FALSE(world.standing().complete);
}

TEST_CASE("a fetch that hangs holds up no other, and nothing is asked for twice at once [A4] [D1]") {
  World world;
  world.settle();
  world.run(3s);
  world.event(world.deploy("a", "slow"));
  const auto slow = world.take_request(Call::FetchBatch);
  world.event(world.deploy("b", "quick"));
  const auto quick = world.take_request(Call::FetchBatch);
  CHECK(ids_in(quick.body) == std::vector<std::string>{"quick"});
  world.answer(quick);
  CHECK(world.offered("b") == "quick");

  world.answer(slow);
  CHECK(world.offered("a") == "slow");
}

TEST_CASE("a short failure of all fetches is over soon after it ends, however many documents are missing [A4]") {
  World world;
  for (int i = 0; i < 1500; ++i) world.deploy("a" + std::to_string(i), "d" + std::to_string(i));
  world.statuses["fetch_batch"] = 500;
  world.link_up();
  world.serve_for(30s);
  REQUIRE(world.offered("a0").empty());

  world.statuses.clear();
  world.serve_for(40s);

  int here = 0;
  for (int i = 0; i < 1500; ++i) here += world.offered("a" + std::to_string(i)).empty() ? 0 : 1;
  CHECK(here == 1500);
}
