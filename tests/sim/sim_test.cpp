#include <catch2/catch.hpp>
#include <cstdlib>

#include "world.h"

namespace tether::sim {
namespace {

/// TETHER_SEED=n runs just n.
std::vector<std::uint64_t> seeds() {
  if (const char* only = std::getenv("TETHER_SEED")) return {std::strtoull(only, nullptr, 10)};
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__) || defined(__clang__)
  constexpr std::uint64_t kCount = 8;
#else
  constexpr std::uint64_t kCount = 40;
#endif
  std::vector<std::uint64_t> all;
  for (std::uint64_t seed = 1; seed <= kCount; ++seed) all.push_back(seed);
  return all;
}

}  // namespace

TEST_CASE(
    "whatever is lost, repeated, late, refused or killed, the gateway ends up with what is wanted [sim] [R22] [R28]") {
  for (const auto seed : seeds()) {
    CAPTURE(seed);
    World world({seed, 6, {}});
    world.play();
    for (const auto& failure : world.failures()) FAIL_CHECK(failure.checker + ": " + failure.what);
  }
}

TEST_CASE("the same seed gives the same history [sim]") {
  World first({7, 2, {}});
  World second({7, 2, {}});
  first.run(2h);
  second.run(2h);

  CHECK(first.trace() == second.trace());
}

}  // namespace tether::sim
