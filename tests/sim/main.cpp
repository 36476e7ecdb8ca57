#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "world.h"

/// `tether-sim FIRST COUNT HOURS`: runs so many worlds, from that seed on; exits 1 if one fails. A single one that
/// fails shows what happened in it.
int main(int argc, char** argv) {
  using namespace tether;
  const std::uint64_t first = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1;
  const std::uint64_t count = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 100;
  const int hours = argc > 3 ? std::atoi(argv[3]) : 24;
  const bool verbose = count == 1;
  int failed = 0;
  const auto begun = std::chrono::steady_clock::now();
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    sim::World world({seed, hours, {}});
    world.play();
    if (world.failures().empty()) continue;
    ++failed;
    const auto& failure = world.failures().front();
    std::printf("seed %llu: %s: %s\n", static_cast<unsigned long long>(seed), failure.checker.c_str(),
                failure.what.c_str());
    if (verbose) {
      for (const auto& line : world.trace()) std::printf("  %s\n", line.c_str());

      return 1;
    }
  }
  const double took = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  std::printf("%llu worlds of %d h, %d failed, %.0f simulated hours a second\n", static_cast<unsigned long long>(count),
              hours, failed, static_cast<double>(count) * hours / took);
  return failed == 0 ? 0 : 1;
}
