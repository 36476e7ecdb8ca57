#include <catch2/catch.hpp>

#include "world.h"

using namespace tether;
using namespace tether::sync;
using namespace tether::sync::test;

namespace {

void with_secret(World& world) {
  world.secrets["s"] = {"h1", "v1"};
  world.needs_secrets["d1"] = {"s"};
  world.deploy("a", "d1");
  world.deploy("b", "d2");
  world.settle();
}

/// All is listed again, and answered until the value of a secret is asked for.
void list_until_value(World& world) {
  world.relist();
  while (!world.awaits(Call::SecretValue)) {
    REQUIRE_FALSE(world.requests.empty());
    const auto next = world.requests.front();
    world.requests.erase(world.requests.begin());
    world.answer(next);
  }
}

}  // namespace

TEST_CASE("a document waits for the value of its secret") {
  World world;
  world.statuses["secret_value"] = 503;
  with_secret(world);
  CHECK(world.offered("a").empty());
  CHECK(world.offered("b") == "d2");

  world.statuses.clear();
  world.serve_for(5s);

  CHECK(world.offered("a") == "d1");
  CHECK(world.offered("Secret", "s").find("v1") != std::string::npos);
}

TEST_CASE("a rotated secret is fetched, and what refers to it is offered again [B6]") {
  World world;
  with_secret(world);
  const auto before_a = world.artifact("a")->offering.revision;
  const auto before_b = world.artifact("b")->offering.revision;
  world.secrets["s"] = {"h2", "v2"};
  world.relist();
  world.serve();

  CHECK(world.offered("Secret", "s").find("v2") != std::string::npos);
  CHECK(world.artifact("a")->offering.revision > before_a);
  CHECK(world.artifact("b")->offering.revision == before_b);
}

TEST_CASE("a rotation is seen at the next poll while connected [B6]") {
  EngineOptions options;
  options.planner.poll_interval = 300s;
  World world(options);
  with_secret(world);
  world.secrets["s"] = {"h2", "v2"};
  world.serve_for(335s);

  CHECK(world.offered("Secret", "s").find("v2") != std::string::npos);
}

TEST_CASE("a value asked for before the last rotation is not taken for the new one [B6]") {
  World world;
  with_secret(world);
  world.secrets["s"] = {"h2", "v2"};
  world.relist();
  SendRequest value;
  while (!world.awaits(Call::SecretValue)) {
    const auto request = world.requests.front();
    world.requests.erase(world.requests.begin());
    world.answer(request);
  }
  value = world.take_request(Call::SecretValue);
  world.secrets["s"] = {"h3", "v3"};
  world.relist();
  world.serve();
  world.secrets["s"] = {"h3", "v2"};
  world.answer(value);
  world.secrets["s"] = {"h3", "v3"};
  world.serve_for(10s);

  CHECK(world.offered("Secret", "s").find("v3") != std::string::npos);
}

TEST_CASE("a rotated secret has a refused document tried again") {
  World world;
  world.secrets["s"] = {"h1", "v1"};
  world.needs_secrets["d1"] = {"s"};
  world.deploy("a", "d1");
  world.link_up();
  world.serve();
  world.push({{"RestApi", "a", "bad value"}});
  world.push();
  CHECK(world.offered("a").empty());
  world.secrets["s"] = {"h2", "v2"};
  world.relist();
  world.serve();

  CHECK(world.offered("a") == "d1");
}

TEST_CASE("a secret that was refused and comes into service has what refers to it offered again [B6]") {
  World world;
  world.secrets["s"] = {"h1", "v1"};
  world.needs_secrets["d1"] = {"s"};
  world.deploy("a", "d1");
  world.link_up();
  world.serve();
  world.push({{"Secret", "s", "no room"}});  // and "a" is taken, without a value
  world.push();
  REQUIRE(world.offered("a") == "d1");
  const auto before = world.artifact("a")->offering.revision;
  world.serve_for(kRefusalRetry + 1s);

  CHECK_FALSE(world.offered("Secret", "s").empty());
  CHECK(world.artifact("a")->offering.revision > before);
}

TEST_CASE("a value that is refused is not asked for without a pause") {
  World world;
  world.statuses["secret_value"] = 404;
  with_secret(world);
  world.serve_for(60s);

  CHECK(world.count_asked("GET /secrets/s/value") < 8);
}

TEST_CASE("a value of which nothing is said is waited for, and not taken for one that does not come [A4]") {
  const int status = GENERATE(401, 408, 429, 502, 503, 504);
  CAPTURE(status);
  World world;
  world.statuses["secret_value"] = status;
  with_secret(world);
  world.serve_for(2min);
  CHECK_FALSE(world.standing().complete);
  CHECK(world.count_asked("GET /secrets/s/value") < 9);

  world.statuses.clear();
  world.serve_for(3min);
  CHECK(world.offered("a") == "d1");
  CHECK(world.standing().complete);
}

namespace {

/// Three documents that each wait for a secret of their own.
void with_three(World& world) {
  for (const std::string n : {"1", "2", "3"}) {
    world.secrets["s" + n] = {"h", "v"};
    world.needs_secrets["d" + n] = {"s" + n};
    world.deploy("a" + n, "d" + n);
  }
}

void refuse_value(World& world, const SendRequest& request, int status, std::optional<Duration> retry_after = {}) {
  RequestOutcome outcome;
  outcome.status = status;
  outcome.retry_after = retry_after;
  world.with([&](Engine& engine, Records& records) { engine.on_done(records, request.number, outcome, world.now()); });
}

/// Answers everything but the next question for a value.
SendRequest next_value(World& world) {
  while (!world.awaits(Call::SecretValue)) {
    if (world.requests.empty()) world.run(100ms);
    while (!world.requests.empty() && !world.awaits(Call::SecretValue)) {
      world.answer(world.take_request(world.requests.front().call));
    }
  }
  return world.take_request(Call::SecretValue);
}

}  // namespace

TEST_CASE("no other value is asked for before a `Retry-After` is over") {
  World world;
  with_three(world);
  world.link_up();
  refuse_value(world, next_value(world), 429, 90s);
  world.serve_for(89s);
  CHECK(world.count_asked("GET /secrets/s") == 1);

  world.serve_for(10s);
  for (const std::string n : {"1", "2", "3"}) CHECK(world.offered("a" + n) == "d" + n);
}

TEST_CASE("a value that fails again and again holds up no other [A4]") {
  World world;
  with_three(world);
  world.link_up();
  const int status = GENERATE(0, 401, 503);
  for (int i = 0; i < 12; ++i) {
    const auto request = next_value(world);
    if (request.path == "/secrets/s1/value") {
      refuse_value(world, request, status);
    } else {
      world.answer(request);
    }
  }
  CHECK(world.offered("a1").empty());
  CHECK(world.offered("a2") == "d2");
  CHECK(world.offered("a3") == "d3");
}

TEST_CASE("a secret that nothing refers to goes when two lists lack it [B6]") {
  World world;
  world.secrets["idle"] = {"h", "v"};
  world.secrets["other"] = {"h", "v"};
  with_secret(world);
  CHECK_FALSE(world.offered("Secret", "idle").empty());
  world.secrets.erase("idle");
  world.relist();
  world.serve_for(15s);

  CHECK(world.offered("Secret", "idle").empty());
  CHECK(world.standing().in_sync);
}

TEST_CASE("a secret that something offered refers to stays, whatever the list says [B6]") {
  World world;
  with_secret(world);
  world.secrets.clear();
  world.relist();
  world.serve_for(30s);

  CHECK_FALSE(world.offered("Secret", "s").empty());
  CHECK(world.offered("a") == "d1");
}

TEST_CASE("a value outlives a restart, and is not asked for again once two answers gave it") {
  World world;
  with_secret(world);
  world.serve_for(11s);
  CHECK(world.count_asked("GET /secrets/s/value") == 2);
  world.restart();
  world.link_up();
  world.serve_for(1min);

  CHECK(world.count_asked("GET /secrets/s/value") == 2);
}

TEST_CASE("an answer that lags behind the hash does not leave a rotated secret with its old value [B6] [CE-6]") {
  World world;
  with_secret(world);
  world.serve_for(11s);
  REQUIRE(world.standing().in_sync);
  world.secrets["s"] = {"h2", "v1"};  // a replica that is some seconds behind
  world.relist();
  world.serve();
  CHECK_FALSE(world.standing().in_sync);
  world.secrets["s"] = {"h2", "v2"};

  SECTION("the same process asks again") {
    world.serve_for(11s);
  }
  SECTION("a row that cannot be read is in nobody's way") {
    world.unreadable.insert("secrets");
    world.serve_for(11s);
    world.unreadable.clear();
    world.relist();
  }
  SECTION("a restart does not forget to") {
    world.restart();
    world.link_up();
    world.serve_for(1s);
  }
  CHECK(world.offered("Secret", "s").find("v2") != std::string::npos);
  CHECK_FALSE(world.standing().in_sync);
  world.serve_for(11s);
  CHECK(world.standing().in_sync);
}

TEST_CASE("a value that came under the hash of another is not kept when that hash is listed again [B6]") {
  World world;
  with_secret(world);
  world.serve_for(11s);
  world.secrets["s"] = {"h2", "v2"};
  list_until_value(world);
  world.secrets["s"] = {"h3", "v3"};  // rotated again before it is answered

  SECTION("both answers are of the later hash") {
    world.serve_for(15s);
  }
  SECTION("the database is restored before the list is asked") {
    world.answer(world.take_request(Call::SecretValue));
    REQUIRE(world.offered("Secret", "s").find("v3") != std::string::npos);
  }
  world.secrets["s"] = {"h2", "v2"};
  world.relist();
  world.serve_for(1min);

  CHECK(world.offered("Secret", "s").find("v2") != std::string::npos);
  CHECK(world.standing().in_sync);
}

TEST_CASE("a list that is not believed does not say which hash a value belongs to [B5] [B6]") {
  World world;
  with_secret(world);
  world.serve_for(11s);
  world.secrets["s"] = {"h2", "v2"};
  list_until_value(world);
  world.secrets["s"] = {"h3", "v3"};  // in vain, as will be seen
  world.answer(world.take_request(Call::SecretValue));
  REQUIRE(world.offered("Secret", "s").find("v3") != std::string::npos);
  while (!world.awaits(Call::Secrets)) {
    world.serve();
    world.run(1s);
  }
  const auto all = std::exchange(world.secrets, {});
  world.answer(world.take_request(Call::Secrets));
  world.secrets = all;
  world.serve();
  world.secrets["s"] = {"h2", "v2"};
  world.serve_for(3min);

  CHECK(world.offered("Secret", "s").find("v2") != std::string::npos);
  CHECK(world.standing().in_sync);
}

TEST_CASE("a value asked for before a rotation does not pass for the new one [B6]") {
  EngineOptions options;
  options.planner.poll_interval = 300s;
  World world(options);
  with_secret(world);
  const auto serve_poll = [&world](const std::string& hash, const std::string& value) {
    world.secrets["s"] = {hash, value};
    world.run(335s);
    while (!world.requests.empty()) {
      const auto next = world.requests.front();
      if (next.call == Call::SecretValue) return;
      world.requests.erase(world.requests.begin());
      world.answer(next);
    }
  };
  serve_poll("h2", "v2");
  const auto before = world.take_request(Call::SecretValue);
  serve_poll("h3", "v3");
  world.with([&](Engine& engine, Records& records) {
    engine.on_secret_value(records, before.number, "v2", world.now());
    RequestOutcome outcome;
    outcome.status = 200;
    outcome.complete = true;
    engine.on_done(records, before.number, outcome, world.now());
  });
  CHECK(world.offered("Secret", "s").find("v2") == std::string::npos);
  world.serve();

  CHECK(world.offered("Secret", "s").find("v3") != std::string::npos);
}
