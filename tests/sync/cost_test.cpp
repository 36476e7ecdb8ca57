#include <catch2/catch.hpp>
#include <functional>
#include <vector>

#include "effort.h"
#include "world.h"

using namespace tether;
using namespace tether::sync;
using namespace tether::sync::test;

// What one input may cost, counted in steps of SQLite's virtual machine: each row that is looked at takes some, and how
// fast the machine is makes no difference. The store is large enough that a walk over it would show.

namespace {

constexpr int kMany = 400;
constexpr int kEarly = 20;
/// Of an event in a transaction of its own, with what begins and ends that. A bound for nothing to creep in by.
constexpr std::int64_t kMostStatements = 18;

std::int64_t steps_of(Effort& effort, const std::function<void()>& input) {
  const std::int64_t before = effort.steps;
  input();
  return effort.steps - before;
}

/// A little more is no growth: what looks at each of the rows takes several times as much.
bool is_as_much(std::int64_t late, std::int64_t early) {
  return late <= early + early / 4;
}

std::string id_of(int number) {
  return "a" + std::to_string(number);
}

void deploy_many(World& world) {
  for (int i = 0; i < kMany; ++i) world.deploy(id_of(i), "d" + std::to_string(i));
}

/// What the document of one more deployment costs, with so many in quarantine.
std::int64_t steps_of_document(int refused) {
  Effort effort;
  World world;
  std::vector<protocol::RejectedLine> rejected;
  for (int i = 0; i < refused; ++i) {
    world.deploy(id_of(i), "d" + std::to_string(i));
    rejected.push_back({"RestApi", id_of(i), "no"});
  }
  world.link_up();
  world.serve();
  world.push(rejected);
  world.run(5s);
  world.event(world.deploy("one more", "one more"));
  const std::int64_t steps = steps_of(effort, [&world] { world.serve(); });
  REQUIRE(world.offered("one more") == "one more");
  return steps;
}

/// What it costs to push one more deployment and to take the answer, to a gateway that has so many.
std::int64_t steps_of_push(int had) {
  Effort effort;
  World world;
  for (int i = 0; i < had; ++i) world.deploy(id_of(i), "d" + std::to_string(i));
  world.settle();
  world.run(5s);
  world.event(world.deploy("one more", "one more"));
  world.serve();
  const std::int64_t steps = steps_of(effort, [&world] {
    const auto push = world.start_push();
    CHECK(world.read_push_body() == 1);
    world.answer_push(push);
  });
  REQUIRE(world.acks.size() == static_cast<std::size_t>(had) + 1);
  return steps;
}

}  // namespace

// It was 40 events a second with 10,000 of them waiting.
TEST_CASE("an event costs the same however many wait for the gateway's answer") {
  Effort effort;
  World world;
  deploy_many(world);
  world.settle();
  world.run(5s);
  std::int64_t early = 0;
  std::int64_t late = 0;
  std::int64_t statements = 0;

  for (int i = 0; i < kMany; ++i) {
    const auto undeployed = world.undeploy(id_of(i));
    const auto before = effort.statements;
    late = steps_of(effort, [&world, &undeployed] { world.event(undeployed); });
    statements = effort.statements - before;
    if (i == kEarly) early = late;
  }

  CAPTURE(early, late);
  REQUIRE(early > 0);
  CHECK(is_as_much(late, early));
  CHECK(statements <= kMostStatements);
  world.push();
  CHECK(world.acks.size() == 2 * kMany);
}

TEST_CASE("a deployment costs the same however many documents have not come") {
  Effort effort;
  World world;
  world.settle();
  world.run(5s);
  std::int64_t early = 0;
  std::int64_t late = 0;

  for (int i = 0; i < kMany; ++i) {
    const auto deployed = world.deploy(id_of(i), "d" + std::to_string(i));
    late = steps_of(effort, [&world, &deployed] { world.event(deployed); });
    if (i == kEarly) early = late;
  }

  CAPTURE(early, late);
  REQUIRE(early > 0);
  CHECK(is_as_much(late, early));
}

TEST_CASE("a document costs the same however many are in quarantine") {
  const std::int64_t few = steps_of_document(kEarly);
  const std::int64_t many = steps_of_document(kMany);

  CAPTURE(few, many);
  REQUIRE(few > 0);
  CHECK(is_as_much(many, few));
}

// Each push walked over all that the gateway had, and so did its answer: a first sync was quadratic.
TEST_CASE("a push costs the same however much the gateway has") {
  const std::int64_t few = steps_of_push(kEarly);
  const std::int64_t many = steps_of_push(kMany);

  CAPTURE(few, many);
  REQUIRE(few > 0);
  CHECK(is_as_much(many, few));
}

// Each of the thousands of a first sync goes this way.
TEST_CASE("what comes into service is written in few statements, which leave alone what does not change") {
  Effort effort;
  World world;
  deploy_many(world);
  world.link_up();

  const std::int64_t before = effort.statements;
  const std::int64_t fetched = steps_of(effort, [&world] { world.serve(); }) / kMany;
  const std::int64_t answered = steps_of(effort, [&world] { world.push(); }) / kMany;
  const std::int64_t statements = (effort.statements - before) / kMany;

  REQUIRE(world.acks.size() == kMany);
  CAPTURE(fetched, answered, statements);
  CHECK(fetched <= 1000);
  CHECK(answered <= 600);
  CHECK(statements <= 31);
}
