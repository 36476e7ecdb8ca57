#include <algorithm>
#include <catch2/catch.hpp>

#include "world.h"

using namespace tether;
using namespace std::chrono_literals;
using namespace tether::sync;
using namespace tether::sync::test;

// The listings that there is one of for each artifact: what comes of them, and when their absences are confirmed.

namespace {

std::string numbered(int i) {
  return "a" + std::to_string(100 + i);
}

/// So many APIs with two subscriptions each, in service, and a poll at which nothing is missing.
void subscribe(World& world, int apis) {
  for (int i = 0; i < apis; ++i) {
    world.deploy(numbered(i), "d" + std::to_string(i));
    for (const char* which : {"-1", "-2"}) {
      const std::string name = numbered(i) + which;
      world.subscriptions[name] = World::subscription(name, numbered(i), "");
    }
  }
  world.settle();
}

std::size_t lists(const World& world, int from, int to) {
  std::size_t count = 0;
  for (int i = from; i < to; ++i) count += world.count_asked("GET /apis/" + numbered(i) + "/subscriptions");
  return count;
}

int subscribed(World& world, int apis) {
  int found = 0;
  for (int i = 0; i < apis; ++i) {
    for (const char* which : {"-1", "-2"}) found += world.resource("Subscription", numbered(i) + which)->gone ? 0 : 1;
  }
  return found;
}

/// The request for the subscriptions of an API; everything that is asked before it is answered.
SendRequest take_list(World& world, int api) {
  const auto is_own = [api](const SendRequest& request) { return request.scope == "subscriptions/" + numbered(api); };
  for (;;) {
    const auto found = std::find_if(world.requests.begin(), world.requests.end(), is_own);
    if (found != world.requests.end()) {
      const SendRequest listing = *found;
      world.requests.erase(found);
      return listing;
    }
    if (world.requests.empty()) {
      world.run(1s);
    } else {
      world.answer(world.take_request(world.requests.front().call));
    }
  }
}

}  // namespace

TEST_CASE("a first round lists the subscriptions of all APIs at once") {
  World world;
  subscribe(world, 20);

  CHECK(lists(world, 0, 20) == 20);
  CHECK(world.standing().in_sync);
}

TEST_CASE("the subscriptions of each API are listed once in an interval, one API after the other") {
  World world;
  subscribe(world, 20);
  world.serve_for(990s);  // the first poll comes at 900 s, give or take a tenth
  const auto before = lists(world, 0, 20);
  for (int minute = 0; minute < 150; ++minute) {
    const auto last = lists(world, 0, 20);
    world.serve_for(60s);
    CHECK(lists(world, 0, 20) - last <= 2);
  }

  const auto rounds = lists(world, 0, 1);
  CHECK(rounds >= 10);
  CHECK(rounds <= 12);
  for (int i = 0; i < 20; ++i) {
    CHECK(lists(world, i, i + 1) >= rounds - 1);
    CHECK(lists(world, i, i + 1) <= rounds + 1);
  }
  CHECK(before < 60);
  CHECK(world.standing().in_sync);
}

TEST_CASE("what comes into service has its subscriptions listed at once, alone") {
  World world;
  subscribe(world, 20);
  world.serve_for(1000s);
  const auto before = lists(world, 0, 20);
  world.subscriptions["new"] = World::subscription("new", numbered(50), "");
  world.event(world.deploy(numbered(50), "new"));
  world.serve_for(2s);

  CHECK_FALSE(world.offered("Subscription", "new").empty());
  CHECK(lists(world, 0, 20) - before <= 1);
}

TEST_CASE("what came of a list that was cut short and comes into service has its subscriptions listed too") {
  World world;
  subscribe(world, 20);
  world.serve_for(1000s);
  world.subscriptions["new"] = World::subscription("new", numbered(50), "");
  const Deployment row = world.deploy(numbered(50), "new");
  for (world.run(1s); !world.awaits(Call::Deployments); world.run(1s)) world.serve();
  const SendRequest listing = world.take_request(Call::Deployments);
  world.with([&](Engine& engine, Records& records) {
    engine.on_deployment_rows(records, listing.number, {{"RestApi", numbered(50), "new", true, row.at, row.at_text}},
                              world.now());
    RequestOutcome cut_short;
    cut_short.status = 200;
    engine.on_done(records, listing.number, cut_short, world.now());
  });
  world.serve_for(5s);

  CHECK_FALSE(world.offered("Subscription", "new").empty());
}

TEST_CASE("a listing that brings more than a hundred into service has all subscriptions listed at once") {
  const int many = static_cast<int>(kMaxComing) + 1;
  World world;
  subscribe(world, 1);
  for (int i = 1; i <= many; ++i) {
    world.deploy(numbered(i), "d" + std::to_string(i));
    world.subscriptions[numbered(i)] = World::subscription(numbered(i), numbered(i), "");
  }
  const auto before = lists(world, 0, many + 1);
  while (lists(world, 1, 2) == 0) world.serve_for(1s);
  world.serve_for(1s);

  for (int i = 1; i <= many; ++i) CHECK_FALSE(world.offered("Subscription", numbered(i)).empty());
  CHECK(lists(world, 0, many + 1) - before <= static_cast<std::size_t>(many) + 2);
}

TEST_CASE("what the listing of one API lacks goes when all others have been asked and it is lacked again") {
  World world;
  subscribe(world, 20);
  world.serve_for(1000s);
  world.subscriptions.erase(numbered(7) + "-1");  // and its event is lost
  const auto own = lists(world, 7, 8);
  while (lists(world, 7, 8) == own) world.serve_for(1s);
  CHECK(subscribed(world, 20) == 40);
  CHECK_FALSE(world.standing().in_sync);
  const auto others = lists(world, 0, 7) + lists(world, 8, 20);

  world.serve_for(25s);

  CHECK(subscribed(world, 20) == 39);
  CHECK(world.resource("Subscription", numbered(7) + "-1")->gone);
  CHECK(world.standing().in_sync);
  CHECK(lists(world, 7, 8) - own <= 4);
  CHECK(lists(world, 0, 7) + lists(world, 8, 20) - others <= 20);
}

TEST_CASE("an event about a subscription whose API is found to be gone is no word about the next API of that id [A7]") {
  World world;
  world.deploy("a", "d1");
  world.settle();
  world.event("subscription.created", protocol::SubscriptionChanged{World::subscription("s", "a", "")});
  const auto listing = world.take_request(Call::Subscriptions);
  world.remove("a");
  world.deleted_event("a");
  world.answer(world.take_request(Call::Exists));
  SECTION("whose list says so before the next one is there") {
    world.statuses["subscriptions/a"] = 404;
    world.answer(listing);
    world.run(5s);
    world.event(world.deploy("a", "d2"));
    world.serve_for(5s);
  }
  SECTION("whose list is not shown when the next one is there") {
    world.run(5s);
    world.event(world.deploy("a", "d2"));
    world.serve_for(5s);
    world.statuses["subscriptions/a"] = 403;
    world.answer(listing);
    world.serve_for(5s);
  }

  REQUIRE(world.offered("a") == "d2");
  CHECK(world.offered("Subscription", "s").empty());
}

TEST_CASE("all lists of subscriptions being empty takes none of them away, though they are asked one by one [B5]") {
  World world;
  subscribe(world, 20);
  world.serve_for(1000s);
  world.subscriptions.clear();
  world.serve_for(3h);

  CHECK(subscribed(world, 20) == 40);
  CHECK(world.hold("subscriptions/" + numbered(19)));
  CHECK_FALSE(world.standing().in_sync);
}

TEST_CASE("what belongs to APIs that are not in service does not make the loss of all others a small one [B5]") {
  World world;
  subscribe(world, 20);
  world.serve_for(1000s);
  for (int i = 1; i < 20; ++i) world.event(world.undeploy(numbered(i)));
  world.serve_for(1000s);
  world.subscriptions.clear();
  world.serve_for(3h);

  CHECK(subscribed(world, 20) == 40);
  CHECK(world.hold("subscriptions/" + numbered(0)));
}

TEST_CASE("what lists lacked of an API that is in question itself does not open the brake [B5]") {
  World world;
  subscribe(world, 3);
  world.serve_for(1000s);
  world.statuses["subscriptions/" + numbered(2)] = 403;  // closed, and does not count
  world.serve_for(1000s);
  world.subscriptions.clear();
  world.serve_for(1000s);
  REQUIRE(world.hold("subscriptions/" + numbered(0)));
  // Of a new link it is not known yet that the one is closed: what is held is let go, and weighed anew.
  world.link_down();
  world.link_up();
  world.serve();
  world.statuses["exists"] = 503;
  world.deleted_event(numbered(1));
  world.serve_for(60s);

  CHECK(subscribed(world, 1) == 2);
  CHECK(world.hold("subscriptions/" + numbered(0)));
}

TEST_CASE("lists of subscriptions that fail count as missing, where others are empty [B5]") {
  World world;
  subscribe(world, 20);
  world.serve_for(1000s);
  const auto all = world.subscriptions;
  SECTION("when most fail, nothing goes") {
    world.subscriptions.clear();
    for (int i = 0; i < 20; ++i) {
      if (i != 7) world.statuses["subscriptions/" + numbered(i)] = 500;
    }
    world.serve_for(3h);
    CHECK(subscribed(world, 20) == 40);
    CHECK(world.hold("subscriptions/" + numbered(7)));
    CHECK_FALSE(world.hold("subscriptions/" + numbered(8)));

    world.subscriptions = all;
    world.statuses.clear();
    world.serve_for(1h);
    CHECK_FALSE(world.hold("subscriptions/" + numbered(7)));
    CHECK(world.standing().in_sync);
  }
  SECTION("when half of them fail, the other half does not go by time either") {
    world.subscriptions.clear();
    for (int i = 0; i < 10; ++i) world.statuses["subscriptions/" + numbered(i)] = 500;
    world.serve_for(3h);
    CHECK(subscribed(world, 20) == 40);
    CHECK(world.hold("subscriptions/" + numbered(19)));
  }
  SECTION("one that always fails does not keep what another lacks") {
    world.statuses["subscriptions/" + numbered(8)] = 500;
    world.subscriptions.erase(numbered(7) + "-1");
    world.serve_for(1h);
    CHECK(world.resource("Subscription", numbered(7) + "-1")->gone);
    CHECK(subscribed(world, 20) == 39);
  }
}

TEST_CASE("what the listing of one API lacks stays in question when that changes while it is asked again") {
  World world;
  subscribe(world, 20);
  world.serve_for(1000s);
  world.subscriptions.erase(numbered(7) + "-1");
  const auto own = lists(world, 7, 8);
  while (lists(world, 7, 8) == own) world.serve_for(1s);
  REQUIRE_FALSE(world.standing().in_sync);
  const SendRequest listing = take_list(world, 7);
  world.event(world.deploy(numbered(7), "newer"));
  world.answer(listing);
  world.serve_for(2s);
  CHECK_FALSE(world.standing().in_sync);

  world.serve_for(40s);
  CHECK(world.resource("Subscription", numbered(7) + "-1")->gone);
  CHECK(world.standing().in_sync);
}

TEST_CASE("an absence is confirmed also where asking all others takes longer than a confirmation may") {
  World world;
  subscribe(world, 20);
  world.serve_for(1000s);
  world.subscriptions.erase(numbered(7) + "-1");
  while (world.resource("Subscription", numbered(7) + "-1")->absent == std::nullopt) world.serve_for(1s);
  world.run(11s);
  world.answer(world.take_request(Call::Subscriptions));
  REQUIRE(world.awaits(Call::Subscriptions));  // all of them
  const auto others = lists(world, 0, 7) + lists(world, 8, 20);
  while (world.awaits(Call::Subscriptions)) {
    world.run(8s);
    world.answer(world.take_request(Call::Subscriptions));
  }
  world.serve_for(25s);

  CHECK(world.resource("Subscription", numbered(7) + "-1")->gone);
  CHECK(subscribed(world, 20) == 39);
  CHECK(world.standing().in_sync);
  CHECK(lists(world, 0, 7) + lists(world, 8, 20) - others <= 20);  // once
}

TEST_CASE("what was weighed five minutes ago is weighed once more before it is confirmed") {
  World world;
  subscribe(world, 20);
  world.serve_for(1000s);
  world.subscriptions.erase(numbered(7) + "-1");
  while (world.resource("Subscription", numbered(7) + "-1")->absent == std::nullopt) world.serve_for(1s);
  world.run(11s);
  world.answer(world.take_request(Call::Subscriptions));
  world.statuses["subscriptions/" + numbered(7)] = 500;
  world.serve_for(6 * 60s);
  world.statuses.clear();
  const auto others = lists(world, 8, 20);
  while (world.resource("Subscription", numbered(7) + "-1")->gone == false) world.serve_for(1s);

  CHECK(lists(world, 8, 20) - others >= 12);
  CHECK(subscribed(world, 20) == 39);
}

TEST_CASE("events about subscriptions have only their own API asked, also where the list was ahead of them") {
  World world;
  subscribe(world, 20);
  world.serve_for(1000s);
  const auto before = lists(world, 0, 3) + lists(world, 4, 20);
  world.subscriptions.erase(numbered(3) + "-1");
  world.subscriptions.erase(numbered(3) + "-2");
  world.event("subscription.deleted", protocol::SubscriptionDeleted{numbered(3), numbered(3) + "-1"});
  world.serve();  // lacks the other one too
  CHECK(world.resource("Subscription", numbered(3) + "-2")->absent);
  world.event("subscription.deleted", protocol::SubscriptionDeleted{numbered(3), numbered(3) + "-2"});
  world.serve_for(25s);

  CHECK(subscribed(world, 20) == 38);
  CHECK(world.standing().in_sync);
  CHECK(lists(world, 0, 3) + lists(world, 4, 20) - before <= 1);
}

TEST_CASE("a list that comes soon after the one that lacked what an event made is not the second one [A7]") {
  World world;
  world.deploy("a", "d1");
  world.settle();
  const auto subscription = World::subscription("s", "a", "");
  world.event("subscription.created", protocol::SubscriptionChanged{subscription});
  world.serve();
  world.run(1s);
  world.relist();
  world.serve();
  CHECK_FALSE(world.standing().in_sync);

  world.subscriptions["s"] = subscription;
  world.serve_for(10s);
  CHECK(world.offered("Subscription", "s") == subscription.data);
}

TEST_CASE("a list that counts for nothing is not weighed: what others lack waits for its next answer [B5]") {
  World world;
  subscribe(world, 2);
  world.subscriptions.clear();
  world.link_down();
  world.link_up();
  const SendRequest raced = take_list(world, 1);
  world.event(world.deploy(numbered(1), "newer"));
  world.serve_for(5s);
  world.answer(raced);
  world.serve_for(1h);

  CHECK(subscribed(world, 2) == 4);
  CHECK(world.hold("subscriptions/" + numbered(0)));
}

TEST_CASE("what comes into service while others are held opens no brake before a list has shown it [B5]") {
  World world;
  subscribe(world, 3);
  world.event(world.undeploy(numbered(2)));
  world.settle();
  world.subscriptions.clear();
  world.link_down();
  world.link_up();
  world.serve_for(30s);
  REQUIRE(world.hold("subscriptions/" + numbered(0)));

  world.event(world.deploy(numbered(2), "again"));
  const SendRequest late = take_list(world, 2);
  world.serve_for(70s);
  REQUIRE(subscribed(world, 3) == 6);
  world.answer(late);
  world.serve_for(1h);

  CHECK(subscribed(world, 3) == 6);
  CHECK(world.hold("subscriptions/" + numbered(0)));
}

TEST_CASE("what others lacked is weighed once more when something comes into service that no list has shown [B5]") {
  World world;
  subscribe(world, 3);
  world.event(world.undeploy(numbered(0)));
  world.settle();
  world.subscriptions.clear();
  world.link_down();
  world.link_up();
  const bool while_they_are_asked = GENERATE(false, true);
  const SendRequest first = take_list(world, 1);
  const SendRequest unshown = take_list(world, 2);
  world.answer(first);
  if (while_they_are_asked) world.event(world.deploy(numbered(0), "again"));
  world.statuses["subscriptions/" + numbered(2)] = 403;
  world.answer(unshown);
  if (!while_they_are_asked) world.event(world.deploy(numbered(0), "again"));
  const SendRequest late = take_list(world, 0);
  world.serve_for(30s);
  REQUIRE(subscribed(world, 3) == 6);
  world.answer(late);
  world.serve_for(1h);

  CHECK(subscribed(world, 3) == 6);
  CHECK(world.hold("subscriptions/" + numbered(1)));
}
