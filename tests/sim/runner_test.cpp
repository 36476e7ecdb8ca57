#include "runner.h"

#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <csignal>
#include <cstdlib>

#include "shrink.h"
#include "world.h"

namespace tether::sim {
namespace {

/// A world in which all of these happen: which do is drawn.
WorldOptions short_world() {
  for (WorldOptions options{11, 2, {}};; ++options.seed) {
    const auto actions = plan_actions(options);
    const auto has = [&actions](ActionKind kind) {
      return std::any_of(actions.begin(), actions.end(), [kind](const auto& action) { return action.kind == kind; });
    };
    if (has(ActionKind::CutLink) && has(ActionKind::KillDaemon)) return options;
  }
}
const WorldOptions kShort = short_world();

/// The numbers of the first actions of these kinds, in order.
std::vector<std::int64_t> first_of(const std::vector<ActionKind>& kinds) {
  std::vector<std::int64_t> numbers;
  for (const auto kind : kinds) {
    const auto actions = plan_actions(kShort);
    const auto found = std::find_if(actions.begin(), actions.end(), [kind](const auto& a) { return a.kind == kind; });
    REQUIRE(found != actions.end());
    numbers.push_back(found->number);
  }
  return numbers;
}

std::vector<std::int64_t> numbers_of(const std::vector<Action>& actions) {
  std::vector<std::int64_t> numbers;
  for (const auto& action : actions) numbers.push_back(action.number);
  return numbers;
}

}  // namespace

TEST_CASE("a failure that takes three actions is cut down to these three [sim]") {
  auto needed = first_of({ActionKind::CutLink, ActionKind::Operation, ActionKind::KillDaemon});
  const auto fails = [&needed](const WorldOptions& options) {
    return std::none_of(needed.begin(), needed.end(), [&](auto n) { return options.suppressed.contains(n); });
  };

  const auto shrunk = shrink(kShort, std::nullopt, fails);

  std::sort(needed.begin(), needed.end());
  CHECK(numbers_of(shrunk.left) == needed);
  CHECK(shrunk.tries < kMaxShrinkTries);
  CHECK(fails(shrunk.options));
}

TEST_CASE("a failure that needs any one of some actions is cut down to one [sim]") {
  const auto is_operation = [](const Action& action) { return action.kind == ActionKind::Operation; };
  const auto fails = [&](const WorldOptions& options) {
    const auto actions = plan_actions(options);
    return std::any_of(actions.begin(), actions.end(), [&](const Action& action) {
      return is_operation(action) && !options.suppressed.contains(action.number);
    });
  };

  const auto shrunk = shrink(kShort, std::nullopt, fails);

  REQUIRE(shrunk.left.size() == 1);
  CHECK(is_operation(shrunk.left.front()));
}

TEST_CASE("what came after the failure is left out first, and only if it still fails then [sim]") {
  std::vector<WorldOptions> tried;
  const auto first = plan_actions(kShort).front();
  shrink(kShort, first.at, [&](const WorldOptions& options) {
    tried.push_back(options);
    return false;
  });

  REQUIRE_FALSE(tried.empty());
  CHECK_FALSE(tried.front().suppressed.contains(first.number));
  CHECK(tried.front().suppressed.contains(plan_actions(kShort).back().number));
}

TEST_CASE("a planted fault of a real world is cut down to the one action that it takes [sim]") {
  // Which faults there are in a world is drawn.
  const auto plan = plan_actions(kShort);
  const auto planted = std::find_if(plan.begin(), plan.end(),
                                    [](const Action& action) { return action.kind > ActionKind::LostOperation; });
  REQUIRE(planted != plan.end());
  const auto fails = [name = name_of(planted->kind)](const WorldOptions& options) {
    World world(options);
    world.run(2h);
    return std::any_of(world.trace().begin(), world.trace().end(),
                       [name](const std::string& line) { return line.ends_with(name); });
  };
  REQUIRE(fails(kShort));

  const auto shrunk = shrink(kShort, std::nullopt, fails);

  REQUIRE(shrunk.left.size() == 1);
  CHECK(shrunk.left.front().kind == planted->kind);
}

TEST_CASE("worlds are played on several processes, each seed once [sim]") {
  RunOptions options;
  options.first = 3;
  options.count = 4;
  options.hours = 1;
  options.jobs = 2;

  const auto result = run_worlds(options);

  CHECK(result.worlds == 4);
  CHECK(result.failed.empty());
}

TEST_CASE("the digest of several histories tells them from others, whatever their order [sim]") {
  const auto digest_of = [](std::uint64_t first, int jobs) {
    RunOptions options;
    options.first = first;
    options.count = 4;
    options.hours = 1;
    options.jobs = jobs;
    return run_worlds(options).digest;
  };

  CHECK(digest_of(3, 2) == digest_of(3, 1));
  CHECK(digest_of(3, 1) != digest_of(4, 1));
}

TEST_CASE("a world that takes its process with it has failed, and the others go on [sim]") {
  RunOptions options;
  options.first = 3;
  options.count = 4;
  options.hours = 1;
  options.jobs = 2;
  options.before = [](std::uint64_t seed) {
    if (seed == 5) std::_Exit(3);
  };

  const auto result = run_worlds(options);

  CHECK(result.worlds == 4);
  REQUIRE(result.failed.size() == 1);
  CHECK(result.failed.front().seed == 5);
  CHECK(result.failed.front().verdict.checker == "crash");
}

TEST_CASE("one world in a hundred may fail where that is tolerated, and none otherwise [sim]") {
  CHECK(are_few(0, 0, 0));
  CHECK(are_few(0, 500, 0));
  CHECK_FALSE(are_few(1, 500, 0));
  CHECK(are_few(5, 500, 1));
  CHECK_FALSE(are_few(6, 500, 1));
  CHECK_FALSE(are_few(1, 99, 1));
}

TEST_CASE("a run that is interrupted plays what has begun to its end and tells what it saw [sim]") {
  RunOptions options;
  options.hours = 1;
  options.count = 2000;
  options.before = [](std::uint64_t seed) {
    if (seed == 3) ::kill(::getppid(), SIGTERM);
  };

  const auto result = run_worlds(options);

  CHECK(result.worlds >= 3);
  CHECK(result.worlds < 2000);
  CHECK(result.failed.empty());
}

}  // namespace tether::sim
