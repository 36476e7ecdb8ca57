#include <algorithm>
#include <catch2/catch.hpp>

#include "identities.h"

using namespace tether;
using namespace std::chrono_literals;
using namespace tether::sync;
using namespace tether::sync::test;

TEST_CASE("another identity is staged: listed and fetched, and neither pushed nor acknowledged [CE-8] [CE-9]") {
  World world;
  serve_first(world);
  const auto revision = world.read<std::int64_t>([](Records& records) { return records.revision(); });
  const auto said = world.acks.size();

  link_second(world, 4);
  world.serve_for(2s);
  const auto event = world.deploy("b1", "e1b");
  world.event(event);
  world.serve();
  world.pong();

  CHECK(world.staged("b1") == "e1b");
  CHECK(world.staged("b4") == "e4");
  CHECK(world.staged("a1").empty());
  CHECK(world.offered("a1") == "d1b");
  CHECK_FALSE(world.artifact("b1"));
  CHECK(world.read<std::int64_t>([](Records& records) { return records.revision(); }) == revision);
  CHECK(world.acks.size() == said);
  CHECK(world.outbox() == 1);
  CHECK_FALSE(world.standing().identity_served);
  CHECK(world.standing().other_gateway_id == "gateway-2");
  CHECK(world.standing().staged_gateway_id == "gateway-2");
  CHECK(world.standing().staged_lack == StagedLack::Listings);
  CHECK_FALSE(world.standing().settled);
  CHECK_FALSE(world.standing().complete);
  CHECK_FALSE(world.notes.empty());

  world.link_down();
  CHECK_FALSE(world.standing().complete);  // what was listed is not what is in service
  CHECK(world.standing().staged_lack == StagedLack::Link);
}

TEST_CASE("an event before the ack belongs to the identity that the ack names [CE-8]") {
  World world;
  world.settle();
  world.link_down();
  world.run(5s);
  world.open_link();
  world.event(world.deploy("b", "d2"));
  world.ack_link("gateway-2");
  world.serve();

  CHECK_FALSE(world.artifact("b"));
  CHECK(world.staged("b") == "d2");
}

TEST_CASE("a staged identity that is complete takes over, with a whole push of its own [CE-2] [CE-9]") {
  World world;
  serve_first(world);
  const auto revision = world.read<std::int64_t>([](Records& records) { return records.revision(); });
  const auto epoch = world.read<std::string>([](Records& records) { return records.epoch(); });
  link_second(world, 4);
  world.serve_for(9s);
  CHECK(served_by(world) == "gateway-1");
  world.serve_for(2s);

  CHECK(served_by(world) == "gateway-2");
  CHECK(world.standing().identity_served);
  CHECK(world.standing().staged_gateway_id.empty());
  CHECK(world.offered("b1") == "e1");
  CHECK(world.read<bool>([&](Records& records) {
    // No push of the new epoch can be taken for one of the old, nor go out as a difference.
    return records.epoch() != epoch && records.last_revision_of(epoch) == revision && records.revision() > revision &&
           records.marks().answered == Answered{};
  }));
  CHECK(world.known_identities() == 2);
  CHECK(world.outbox("gateway-1") == 1);

  world.acks.clear();
  world.push();
  CHECK(world.acks.size() == 4);
  CHECK(world.known_identities() == 1);
  CHECK(world.standing().in_sync);
}

TEST_CASE("a staged identity waits for the lists of single artifacts, failed ones too") {
  World world;
  serve_first(world);
  link_second(world, 4);
  world.subscriptions["s"] = World::subscription("s", "b1", "");
  SECTION("it failed") {
    world.statuses["subscriptions/b1"] = 503;
    world.serve_for(1min);
    world.statuses.clear();
  }
  SECTION("it is not answered yet") {
    std::vector<SendRequest> slow;
    for (int second = 0; second < 20; ++second, world.run(1s)) {
      while (!world.requests.empty()) {
        const SendRequest request = world.requests.front();
        world.requests.erase(world.requests.begin());
        request.scope == "subscriptions/b1" ? slow.push_back(request) : world.answer(request);
      }
    }
    world.requests = slow;
  }
  CHECK(served_by(world) == "gateway-1");
  CHECK(world.standing().staged_lack == StagedLack::Round);

  world.serve_for(1min);
  CHECK(served_by(world) == "gateway-2");
  CHECK_FALSE(world.offered("Subscription", "s").empty());
}

TEST_CASE("a line refused in the push of a switch leaves nothing, and nothing of the identity before [CE-2]") {
  World world;
  world.deploy("a", "d1");
  world.settle();
  world.link_down();
  world.clear();
  world.deploy("a", "e1");  // the same id in both
  world.deploy("b", "e2");
  world.link_up("gateway-2");
  world.serve_for(11s);
  REQUIRE(served_by(world) == "gateway-2");
  world.push({{"RestApi", "a", "no"}});

  CHECK(world.offered("a").empty());
  CHECK(world.offered("b") == "e2");
  CHECK_FALSE(world.artifact("a")->offering.good.is_set());
}

TEST_CASE("the answer to a push of the identity before says nothing about the one that took over [CE-2]") {
  World world;
  world.deploy("a", "d1");
  world.settle();
  world.event(world.deploy("a", "d2"));
  world.serve();
  const auto push = world.start_push();
  world.link_down();
  world.clear();
  world.deploy("a", "e1");
  world.link_up("gateway-2");
  world.serve_for(11s);
  REQUIRE(served_by(world) == "gateway-2");
  world.acks.clear();

  SECTION("accepted") {
    world.answer_push(push);
  }
  SECTION("refused alone") {
    world.with([&](Engine& engine, Records& records) {
      engine.on_line_refused(records, push, {"RestApi", "a", "no"}, world.now());
    });
  }

  CHECK(world.acks.empty());
  CHECK(world.offered("a") == "e1");
  CHECK_FALSE(world.artifact("a")->offering.good.is_set());
  CHECK_FALSE(world.artifact("a")->offering.refused);
  CHECK(world.known_identities() == 2);
  world.push();
  CHECK(world.acks.size() == 1);
}

TEST_CASE("a row that the first listing of another identity lacks is waited for [CE-9]") {
  World world;
  serve_first(world);
  link_second(world, 5);
  const auto missing = world.deployments.extract("b5");
  world.serve_for(5s);
  world.deployments.insert({missing.key(), missing.mapped()});
  world.serve_for(6s);

  CHECK(served_by(world) == "gateway-1");  // the second listing had one more
  world.serve_for(11s);
  CHECK(served_by(world) == "gateway-2");
  CHECK(world.offered("b5") == "e5");
}

TEST_CASE("a row that a later listing of another identity lacks puts off the switch [CE-9]") {
  World world;
  serve_first(world);
  link_second(world, 5);
  world.serve_for(5s);
  const auto missing = world.deployments.extract("b5");
  world.serve_for(6s);
  CHECK(served_by(world) == "gateway-1");
  world.deployments.insert({missing.key(), missing.mapped()});
  world.serve_for(25s);

  CHECK(served_by(world) == "gateway-2");
  CHECK(world.offered("b5") == "e5");
}

TEST_CASE("what is undeployed by absence does not keep a staged identity from taking over [CE-9]") {
  World world;
  serve_first(world);
  link_second(world, 5);
  world.serve_for(2s);
  world.deployments.erase("b5");  // it exists, and is not listed any more

  world.serve_for(60s);
  CHECK(served_by(world) == "gateway-2");
  CHECK(world.artifact("b5")->by_absence);
}

TEST_CASE("a listing of another identity that cannot be read whole is no listing [CE-9]") {
  World world;
  serve_first(world);
  link_second(world, 4);
  world.rows_rejected = 1;
  world.serve_for(40s);
  CHECK(served_by(world) == "gateway-1");
}

TEST_CASE("a staged identity waits for each of its documents, and the operator may do without") {
  World world;
  serve_first(world);
  world.clear();
  for (int i = 1; i <= 9; ++i) world.deploy("b" + std::to_string(i), "e" + std::to_string(i));
  world.deployments.at("b9").unavailable = true;
  world.link_up("gateway-2");
  world.serve_for(10min);
  CHECK(served_by(world) == "gateway-1");
  CHECK(world.standing().staged_lack == StagedLack::MissingDocuments);
  CHECK(std::count_if(world.notes.begin(), world.notes.end(), [](const auto& note) {
          return note.find("it waits for an operator") != std::string::npos;
        }) == 1);

  SECTION("it comes after all") {
    world.deployments.at("b9").unavailable = false;
    world.serve_for(6min);
  }
  SECTION("the operator accepts it") {
    ShownIdentity third = shown_now(world);
    third.gateway_id = "gateway-3";
    accept(world, third);
    CHECK(served_by(world) == "gateway-1");
    accept(world, shown_now(world));
    world.serve_for(1min);
  }
  CHECK(served_by(world) == "gateway-2");
}

TEST_CASE("a staged identity with less than 80 % of what is in service waits for the operator") {
  World world;
  for (int i = 1; i <= 10; ++i) world.deploy("a" + std::to_string(i), "d" + std::to_string(i));
  world.settle();
  world.link_down();
  link_second(world, 7);
  world.serve_for(10min);
  CHECK(served_by(world) == "gateway-1");
  CHECK(world.standing().staged_lack == StagedLack::TooFew);

  SECTION("it gets one more") {
    world.event(world.deploy("b8", "e8"));
    world.serve_for(1s);
  }
  SECTION("the operator accepts it") {
    accept(world, shown_now(world));
  }
  CHECK(served_by(world) == "gateway-2");
}

TEST_CASE("an empty identity takes over from nothing by itself, not even from an empty one") {
  World world;
  const bool any = GENERATE(true, false);
  if (any) world.deploy("a", "d1");
  world.settle();
  world.link_down();
  link_second(world, 0);
  world.serve_for(2h);
  CHECK(served_by(world) == "gateway-1");
  CHECK(world.standing().staged_lack == StagedLack::Empty);

  accept(world, shown_now(world));
  CHECK(served_by(world) == "gateway-2");
  CHECK(world.read<std::int64_t>([](Records& records) { return records.offered_count(); }) == 0);
}

TEST_CASE("with the link of the identity in service back, the staged one is forgotten [CE-8]") {
  World world;
  serve_first(world);
  const auto first = world.deployments;
  link_second(world, 4);
  world.serve_for(5s);
  world.link_down();
  world.clear();
  for (const auto& [id, deployment] : first) world.deployments[id] = deployment;
  world.acks.clear();
  world.link_up("gateway-1");
  world.serve_for(20s);

  CHECK(world.known_identities() == 1);
  CHECK(served_by(world) == "gateway-1");
  CHECK(world.acks.size() == 1);
  CHECK(world.standing().staged_gateway_id.empty());
  CHECK(world.standing().in_sync);
}

TEST_CASE("a third identity takes the place of the staged one") {
  World world;
  serve_first(world);
  link_second(world, 4);
  world.serve_for(5s);
  world.link_down();
  world.clear();
  world.deploy("c1", "f1");
  world.link_up("gateway-3");
  world.serve_for(5s);

  CHECK(world.known_identities() == 2);
  CHECK(world.standing().staged_gateway_id == "gateway-3");
  CHECK(world.staged("b1").empty());
  CHECK(world.staged("c1") == "f1");
}

TEST_CASE("an identity that left service is staged when its link is back before the gateway answered [CE-8]") {
  World world;
  serve_first(world);
  const auto first = world.deployments;
  link_second(world, 4);
  world.serve_for(11s);
  REQUIRE(served_by(world) == "gateway-2");
  world.link_down();
  world.clear();
  for (const auto& [id, deployment] : first) world.deployments[id] = deployment;
  world.acks.clear();
  world.link_up("gateway-1");
  world.serve();
  world.push();  // the push of the switch is answered

  CHECK(world.known_identities() == 2);
  CHECK(world.staged("a1") == "d1b");
  CHECK(world.acks.empty());
  CHECK(world.outbox("gateway-1") == 1);

  world.serve_for(11s);
  CHECK(served_by(world) == "gateway-1");
  CHECK(world.acks.empty());  // the gateway has nothing of it yet
  world.push();
  REQUIRE(world.acks.size() == 1);
  CHECK(world.acks.front().deployment_id == "d1b");
  CHECK(world.known_identities() == 1);
}

TEST_CASE("a crash at any point of a switch changes nothing of how it ends [CE-2] [CE-8]") {
  const int crash_at = GENERATE(range(0, 8));
  CAPTURE(crash_at);
  World world;
  serve_first(world);
  world.acks.clear();
  int step = 0;
  const auto crash_now = [&] {
    if (step++ != crash_at) return;
    world.restart();
    world.link_up("gateway-2");
  };
  link_second(world, 4);
  crash_now();  // staged, nothing listed
  for (int i = 0; i < 3 && !world.requests.empty(); ++i) {
    const auto request = world.requests.front();
    world.requests.erase(world.requests.begin());
    world.answer(request);
    crash_now();  // listed, perhaps in part
  }
  world.serve();
  crash_now();  // all documents are here
  CHECK(served_by(world) == "gateway-1");
  CHECK(world.outbox("gateway-1") == 1);
  world.serve_for(11s);
  CHECK(served_by(world) == "gateway-2");
  crash_now();  // switched, not pushed
  CHECK(served_by(world) == "gateway-2");
  CHECK(world.offered("a1").empty());
  const auto push = world.start_push();
  crash_now();  // the push is out, its answer lost
  if (crash_at + 1 == step) {
    world.push();
  } else {
    world.answer_push(push);
  }
  crash_now();  // answered
  world.serve();
  if (crash_at == 7) world.push();

  CHECK(served_by(world) == "gateway-2");
  CHECK(world.known_identities() == 1);
  CHECK(world.offered("a1").empty());
  CHECK(world.offered("b4") == "e4");
  CHECK(std::none_of(world.acks.begin(), world.acks.end(),
                     [](const SaidAck& ack) { return ack.artifact_id.front() == 'a'; }));
  for (int i = 1; i <= 4; ++i) {
    const std::string id = "b" + std::to_string(i);
    CHECK(std::any_of(world.acks.begin(), world.acks.end(),
                      [&id](const SaidAck& ack) { return ack.artifact_id == id && ack.status == "success"; }));
  }
}

TEST_CASE("hints of one identity are not applied to another") {
  World world;
  serve_first(world);
  world.link_up("gateway-1");
  world.serve();
  world.event("subscriptionPlan.updated", protocol::PlanChanged{World::plan("p1")}, "c1");
  world.link_down();
  world.clear();
  world.statuses["plans"] = 404;
  link_second(world, 4);
  world.serve_for(12s);

  CHECK(served_by(world) == "gateway-2");
  CHECK(world.offered("SubscriptionPlan", "p1").empty());
}

TEST_CASE("the served identity goes on where it was when its link is back [CE-8]") {
  World world;
  world.deploy("a", "d1");
  world.link_up("gateway-1");
  world.serve();
  world.link_down();
  world.push();
  world.link_up("gateway-2");
  world.link_down();
  world.link_up("gateway-1");
  world.serve();

  CHECK(world.acks.size() == 1);
  CHECK(world.standing().identity_served);
  CHECK(world.standing().other_gateway_id.empty());
  CHECK(world.standing().in_sync);
}

TEST_CASE("the identity in service is remembered over a restart [CE-8]") {
  World world;
  world.settle();
  world.restart();
  world.link_up("gateway-2");

  CHECK_FALSE(world.standing().identity_served);
}

TEST_CASE("answers that were asked under another link are not used") {
  World world;
  world.deploy("a", "d1");
  world.link_up();
  world.requests.erase(world.requests.begin());
  const auto listing = world.take_request(Call::Deployments);
  world.link_down();
  world.link_up();
  world.answer(listing);

  CHECK_FALSE(world.artifact("a"));
}
