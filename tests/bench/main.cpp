// tether-bench [N ...]: time and memory of a first sync of N deployments, of a start without a control plane, and how
// long single changes take.
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "first_sync.h"
#include "latency.h"

namespace {

constexpr std::size_t kMostResources = 1'000'000;
constexpr std::size_t kChanges = 300;

double seconds(std::chrono::nanoseconds time) {
  return static_cast<double>(time.count()) / 1e9;
}

void print(const char* name, const tether::bench::Percentiles& times) {
  std::printf("%-34s  %8.1f  %8.1f  %8.1f\n", name, seconds(times.p50) * 1000, seconds(times.p99) * 1000,
              seconds(times.worst) * 1000);
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
  const auto latency = tether::bench::measure_latency(program, kChanges);
  if (!latency) {
    std::fprintf(stderr, "tether-bench: %s\n", latency.error().message.c_str());
    return 1;
  }
  std::printf("\n%-34s  %8s  %8s  %8s\n", "from event to the gateway, ms", "p50", "p99", "worst");
  print("a deployment, with one fetch", latency->with_fetch);
  print("an API key, carried by the event", latency->with_content);
  return 0;
}
