#include <sqlite3.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <thread>

#include "runner.h"
#include "shrink.h"
#include "world.h"

namespace tether::sim {
namespace {

std::string seconds(Duration time) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.3f", std::chrono::duration<double>(time).count());
  return text.data();
}

void print(const Action& action) {
  std::printf("  %6lld  %12s s  %s\n", static_cast<long long>(action.number), seconds(action.at).c_str(),
              std::string(name_of(action.kind)).c_str());
}

/// Plays it here and says what happened; false: something failed.
bool show(const WorldOptions& options) {
  World world(options);
  world.play();
  for (const auto& line : world.trace()) std::printf("  %s\n", line.c_str());
  for (const auto& failure : world.failures()) {
    std::printf("seed %llu: %s: %s\n", static_cast<unsigned long long>(options.seed), failure.checker.c_str(),
                failure.what.c_str());
  }
  std::fflush(stdout);
  return world.failures().empty();
}

/// Only these actions happen.
WorldOptions keeping(WorldOptions options, const std::vector<std::int64_t>& kept) {
  for (const Action& action : plan_actions(options)) options.suppressed.insert(action.number);
  for (const auto number : kept) options.suppressed.erase(number);
  return options;
}

void shrink_and_show(const WorldOptions& options, const Verdict& verdict) {
  const auto fails_so = [&verdict](const WorldOptions& fewer) {
    const auto found = try_world(fewer);
    return found && found->checker == verdict.checker;
  };
  std::printf("\nlooking for the shortest history of seed %llu that fails so\n",
              static_cast<unsigned long long>(options.seed));
  std::fflush(stdout);
  const auto at = verdict.at > Duration{} ? std::optional(verdict.at) : std::nullopt;
  const Shrunk shrunk = shrink(options, at, fails_so);
  std::printf("%zu actions of %zu are left after %d worlds%s:\n", shrunk.left.size(), plan_actions(options).size(),
              shrunk.tries, shrunk.tries < kMaxShrinkTries ? "" : ", and there may be fewer");
  std::string kept;
  for (const Action& action : shrunk.left) {
    print(action);
    kept += (kept.empty() ? "" : ",") + std::to_string(action.number);
  }
  std::printf("what happens then (%s):\n", verdict.checker.c_str());
  std::fflush(stdout);
  if (verdict.checker == "crash") {
    std::printf("  the process dies\n");
  } else {
    show(shrunk.options);
  }
  std::printf("again: ./dev sim --seed %llu --hours %d --keep %s\n", static_cast<unsigned long long>(options.seed),
              options.hours, kept.empty() ? "none" : kept.c_str());
}

/// SQLite is used by one thread in each process here, and nobody asks it for statistics.
void make_sqlite_quick() {
  sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
  sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

int run(int argc, char** argv) {
  RunOptions run;
  run.jobs = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  std::uint64_t count = 100;
  std::uint64_t seed = 0;
  double time = 0;
  std::vector<std::string> keep;
  bool no_shrinking = false;
  int tolerated = 0;
  std::size_t trace_lines = WorldOptions{}.trace_lines;
  CLI::App app("Runs worlds of the simulation, each from a seed of its own.", "sim");
  app.add_option("--seeds", count, "How many worlds")->capture_default_str();
  auto* first = app.add_option("--first", run.first, "The first seed (default 1; with --for a random one)");
  app.add_option("--hours", run.hours, "Hours with users and faults, of each")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000));
  auto* for_time = app.add_option("--for", time, "As many worlds as can be begun in so many seconds");
  app.add_option("--jobs", run.jobs, "Processes")->capture_default_str()->check(CLI::Range(1, 256));
  auto* replay = app.add_option("--seed", seed, "This world alone, with all that happens in it");
  app.add_option("--keep", keep, "With --seed: only these of its actions (numbers with commas, or none)")
      ->delimiter(',')
      ->needs(replay);
  app.add_option("--trace", trace_lines, "With --seed: how many of its last lines are shown")
      ->capture_default_str()
      ->needs(replay);
  app.add_flag("--until-failure", run.until_failure, "No more worlds after one has failed");
  app.add_flag("--no-shrinking", no_shrinking, "Do not look for the shortest history that fails");
  app.add_option("--tolerate", tolerated, "How many of a hundred worlds may fail: the end is 0 all the same")
      ->capture_default_str()
      ->check(CLI::Range(0, 100));
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  make_sqlite_quick();

  if (*replay) {
    WorldOptions options{seed, run.hours, {}, trace_lines};
    if (!keep.empty()) {
      std::vector<std::int64_t> numbers;
      for (const auto& number : keep) numbers.push_back(std::atoll(number.c_str()));
      options = keeping(options, numbers);
    }
    return show(options) ? 0 : 1;
  }

  run.count = count;
  if (*for_time) {
    run.time = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(time));
    run.count.reset();
    // Short enough to be typed, and new each time.
    if (!*first) run.first = std::random_device{}() % 1'000'000'000U + 1;
  }
  std::printf("first seed %llu, %d h each, %d processes\n", static_cast<unsigned long long>(run.first), run.hours,
              run.jobs);
  std::fflush(stdout);
  const RunResult result = run_worlds(run);
  if (!result.failed.empty() && !no_shrinking) {
    const FailedSeed& failed = result.failed.front();
    shrink_and_show({failed.seed, run.hours, {}}, failed.verdict);
  }
  for (std::size_t i = 1; i < result.failed.size(); ++i) {
    std::printf("again: ./dev sim --seed %llu --hours %d\n", static_cast<unsigned long long>(result.failed[i].seed),
                run.hours);
  }
  const double took = std::chrono::duration<double>(result.took).count();
  std::printf("%llu worlds of %d h, %zu failed, %.0f simulated hours a second, history %016llx\n",
              static_cast<unsigned long long>(result.worlds), run.hours, result.failed.size(),
              static_cast<double>(result.worlds) * run.hours / took, static_cast<unsigned long long>(result.digest));
  return are_few(result.failed.size(), result.worlds, tolerated) ? 0 : 1;
}

}  // namespace
}  // namespace tether::sim

int main(int argc, char** argv) {
  return tether::sim::run(argc, argv);
}
