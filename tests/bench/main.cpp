// tether-bench [N ...]: time and memory of a first sync of N deployments, and of a start without a control plane.
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "first_sync.h"

namespace {

constexpr std::size_t kMostResources = 1'000'000;

double seconds(std::chrono::nanoseconds time) {
  return static_cast<double>(time.count()) / 1e9;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::size_t> sizes;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    std::size_t size = 0;
    const auto [end, error] = std::from_chars(argument.data(), argument.data() + argument.size(), size);
    if (error != std::errc() || end != argument.data() + argument.size() || size == 0 || size > kMostResources) {
      std::fprintf(stderr, "tether-bench: %s is not a number of resources\n", argument.c_str());
      return 2;
    }
    sizes.push_back(size);
  }
  if (sizes.empty()) sizes = {1000, 10'000};

  const auto program = std::filesystem::read_symlink("/proc/self/exe").parent_path() / "tetherd";
  std::printf("%10s  %12s  %14s  %10s  %10s  %14s\n", "resources", "first sync s", "from store ms", "peak MB",
              "idle MB", "private MB");
  for (const std::size_t size : sizes) {
    const auto result = tether::bench::measure_first_sync(program, size);
    if (!result) {
      std::fprintf(stderr, "tether-bench: %zu: %s\n", size, result.error().message.c_str());
      return 1;
    }
    std::printf("%10zu  %12.2f  %14.1f  %10.1f  %10.1f  %14.1f\n", size, seconds(result->sync),
                seconds(result->from_store) * 1000, static_cast<double>(result->peak_rss_kb) / 1024,
                static_cast<double>(result->rss_kb) / 1024, static_cast<double>(result->private_dirty_kb) / 1024);
    std::fflush(stdout);
  }
  return 0;
}
