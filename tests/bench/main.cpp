// tether-bench [changes] [N ...] [idle] [burst]: what the daemon costs, each figure beside what this machine can do at
// best, measured in the same run: single changes, a first sync of N deployments and a start without a control plane
// after it, doing nothing, and a burst. All of it if nothing is named.
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "burst.h"
#include "first_sync.h"
#include "idle.h"
#include "latency.h"
#include "limits.h"
#include "tether/peers/temp_dir.h"

namespace {

namespace bench = tether::bench;

constexpr std::size_t kMostResources = 1'000'000;
constexpr std::size_t kChanges = 300;
constexpr std::size_t kBurst = 20'000;
constexpr double kMostRssMb = 12;
constexpr double kMostPrivateMb = 4;

double seconds(std::chrono::nanoseconds time) {
  return static_cast<double>(time.count()) / 1e9;
}

double ms(std::chrono::nanoseconds time) {
  return seconds(time) * 1000;
}

/// A figure beside its limit: how often the second is in the first.
void row(const std::string& name, double is, double limit, const char* unit, const char* aim) {
  std::printf("%-44s  %10.2f  %10.2f  %-3s %7.1f   %s\n", name.c_str(), is, limit, unit, limit > 0 ? is / limit : 0.0,
              aim);
  std::fflush(stdout);
}

template <class Value>
Value value_or_end(const tether::Result<Value>& result) {
  if (result) return *result;
  std::fprintf(stderr, "tether-bench: %s\n", result.error().message.c_str());
  std::exit(1);
}

void print_changes(const std::string& program) {
  const tether::peers::TempDir folder;
  const auto hop = value_or_end(bench::measure_hop(kChanges));
  const auto transaction = value_or_end(bench::measure_transaction(folder.path(), kChanges));
  const auto trip = value_or_end(bench::measure_round_trip(kChanges));
  const auto latency = value_or_end(bench::measure_latency(program, kChanges));
  // It ends where the gateway has it: its answer is not in the figure, nor the way back in the limit.
  const auto limit = [&](std::chrono::nanoseconds bench::Percentiles::*part) {
    return ms(hop.*part + transaction.*part + trip.*part / 2);
  };
  const char* aim = "at most 2: a hop, a transaction, half a round trip";
  row("event to gateway, an API key, p50", ms(latency.with_content.p50), limit(&bench::Percentiles::p50), "ms", aim);
  row("event to gateway, an API key, p99", ms(latency.with_content.p99), limit(&bench::Percentiles::p99), "ms", aim);
  row("event to gateway, with one fetch, p50", ms(latency.with_fetch.p50), limit(&bench::Percentiles::p50), "ms", "");
  row("event to gateway, with one fetch, p99", ms(latency.with_fetch.p99), limit(&bench::Percentiles::p99), "ms", "");
}

void print_burst(const std::string& program) {
  const auto burst = value_or_end(bench::measure_burst(program, kBurst));
  row("burst of 20,000 events, upserts of their rows", burst.events_per_s,
      static_cast<double>(kBurst) / burst.upserts_s, "/s", "at least 0.5");
  std::printf(
      "  %.0f rows, in %.0f transactions and %.2f s of the processor; %.0f events had no room and were listed\n",
      burst.rows, burst.commits, burst.cpu_s, burst.events_dropped);
}

/// Against what it may have at most, whatever it stores (R26).
void print_memory(const std::string& many, double rss_kb, double pss_kb, double private_kb) {
  row("idle" + many + ", RSS", rss_kb / 1024, kMostRssMb, "MB", "at most 1");
  row("idle" + many + ", private", private_kb / 1024, kMostPrivateMb, "MB", "at most 1");
  std::printf("  PSS %.1f MB\n", pss_kb / 1024);
}

void print_idle(const std::string& program) {
  const auto idle = value_or_end(bench::measure_idle(program));
  row("idle, CPU in % of a core", idle.cpu_share * 100, 0.1, "%", "at most 1");
  print_memory(" with nothing", idle.rss_kb, idle.pss_kb, idle.private_dirty_kb);
  std::printf("  %.1f wake-ups a second\n", idle.wakeups_per_s);
}

void print_sync(const std::string& program, std::size_t size) {
  const auto sync = value_or_end(bench::measure_first_sync(program, size));
  const std::string many = " of " + std::to_string(size);
  row("first sync" + many + ", curl", seconds(sync.sync), seconds(sync.download), "s", "at most 2");
  row("start to all pushed" + many + ", the bytes alone", ms(sync.from_store), ms(sync.transfer), "ms",
      size == 1000 ? "at most 100 ms" : "");
  print_memory(many, static_cast<double>(sync.rss_kb), static_cast<double>(sync.pss_kb),
               static_cast<double>(sync.private_dirty_kb));
  std::printf("  %.2f s of the processor; peak RSS %.1f MB\n", sync.sync_cpu_s,
              static_cast<double>(sync.peak_rss_kb) / 1024);
}

/// What the command line asks for; everything if it names nothing.
struct Parts {
  bool changes = false;
  bool idle = false;
  bool burst = false;
  std::vector<std::size_t> sizes;
};

std::optional<std::size_t> parse_size(const std::string& text) {
  std::size_t size = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  if (!whole || size == 0 || size > kMostResources) return std::nullopt;
  return size;
}

std::optional<Parts> parse_parts(const std::vector<std::string>& arguments) {
  if (arguments.empty()) return Parts{true, true, true, {1000, 10'000, 100'000}};
  Parts parts;
  for (const auto& argument : arguments) {
    if (argument == "changes") {
      parts.changes = true;
    } else if (argument == "idle") {
      parts.idle = true;
    } else if (argument == "burst") {
      parts.burst = true;
    } else if (const auto size = parse_size(argument)) {
      parts.sizes.push_back(*size);
    } else {
      std::fprintf(stderr, "tether-bench: %s is neither changes, idle, burst nor a number of resources\n",
                   argument.c_str());
      return std::nullopt;
    }
  }
  return parts;
}

}  // namespace

int main(int argc, char** argv) {
  const auto parts = parse_parts({argv + 1, argv + argc});
  if (!parts) return 2;
  const auto program = std::filesystem::read_symlink("/proc/self/exe").parent_path() / "tetherd";
  std::printf("%-44s  %10s  %10s  %-3s %7s   %s\n", "", "tetherd", "limit", "", "ratio", "aim");
  if (parts->changes) print_changes(program);
  for (const std::size_t size : parts->sizes) print_sync(program, size);
  if (parts->idle) print_idle(program);
  if (parts->burst) print_burst(program);  // last: it takes the longest
  return 0;
}
