#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "actions.h"

namespace tether::sim {

/// How a world ended badly. `checker` is `crash` if it took its process with it.
struct Verdict {
  std::string checker;
  std::string what;
  Duration at{};  ///< Since the world's beginning; unknown after a crash.
};

/// Plays one world in a process of its own. Nothing: nothing failed in it.
std::optional<Verdict> try_world(const WorldOptions& options);

struct RunOptions {
  std::uint64_t first = 1;
  std::optional<std::uint64_t> count;  ///< How many worlds; nothing: as fit.
  Duration time = Duration::max();     ///< For how long new ones are begun.
  int hours = 24;
  int jobs = 1;
  bool until_failure = false;                      ///< No new ones after the first that fails.
  std::function<void(std::uint64_t seed)> before;  ///< Called in the process that is to play it.
};

struct FailedSeed {
  std::uint64_t seed = 0;
  Verdict verdict;
};

struct RunResult {
  std::uint64_t worlds = 0;
  std::vector<FailedSeed> failed;  ///< By seed.
  Duration took{};
  std::uint64_t digest = 0;  ///< Of all their histories, in whatever order they were played.
};

/// Whether no more than so many of a hundred worlds failed, all told.
bool are_few(std::size_t failed, std::uint64_t worlds, int percent);

/// Plays worlds on `jobs` processes, seeds in order. A world that crashes its process costs that world alone. One that
/// fails is printed at once, and each minute on standard error how many were played. SIGINT or SIGTERM: the worlds that
/// have begun are played to their end, and no more are begun.
RunResult run_worlds(const RunOptions& options);

}  // namespace tether::sim
