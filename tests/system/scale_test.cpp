#include <catch2/catch.hpp>
#include <iostream>
#include <nlohmann/json.hpp>

#include "commands.h"
#include "desired.h"
#include "sanitized.h"

using namespace tether;
using namespace tether::test;

namespace {

constexpr std::size_t kFew = 1'000;
constexpr std::size_t kMany = kSanitized ? 2'000 : 10'000;
/// How much more memory ten times as much may take.
constexpr double kMostGrowth = 1.5;
/// What a page of the list may leave behind, however many there are.
constexpr std::uint64_t kMostListingKb = 2048;
constexpr Duration kLongest = 300s;

struct Cost {
  Duration served{};
  peers::Memory memory;
};

double seconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

bool gateway_comes_to_hold(Scene& scene, std::size_t count, Duration limit) {
  return scene.gateway().wait_until(
      [count](const peers::GatewayView& view) { return view.config.resources.size() == count; }, limit);
}

/// Who lists all of it in the end makes the daemon no larger than its first sync did.
void check_listing(Scene& scene, std::size_t count) {
  const auto before = scene.daemon().memory();
  const TimePoint start = Clock::now();
  const Ended listed = run_command(scene, {"resources"});
  const Duration took = Clock::now() - start;
  const auto after = scene.daemon().memory();
  CHECK(listed.status == kDone);
  CHECK(has(listed.out, "\n" + std::to_string(count) + " resources\n"));
  std::cout << count << " resources listed in " << seconds(took) << " s; RSS " << before.rss_kb << " kB before, "
            << after.rss_kb << " kB after it" << std::endl;
  if (!kSanitized) CHECK(after.rss_kb < before.rss_kb + kMostListingKb);
}

/// A first sync of `count` deployments, from the start of the daemon to the last of them at the gateway.
Cost first_sync(std::size_t count) {
  Scene scene;
  scene.start_control_plane();
  // A first sync comes by lists: events of the same would be so much more work.
  scene.control_plane().change_faults([](peers::Faults& faults) { faults.replay = "none"; });
  scene.control_plane().bulk_deploy("RestApi", count);
  scene.start_gateway();

  const TimePoint start = Clock::now();
  scene.start_daemon({{"TETHER_LOG_LEVEL", "info"}});
  REQUIRE(gateway_comes_to_hold(scene, count, kLongest));
  const Duration served = Clock::now() - start;
  CHECK(all_come_to_be_acknowledged(scene, kLongest));
  scene.wait_until_in_sync(kLongest);
  const Cost cost{served, scene.daemon().memory()};
  std::cout << count << " deployments served " << seconds(served) << " s after the start; RSS " << cost.memory.rss_kb
            << " kB, PSS " << cost.memory.pss_kb << " kB, peak RSS " << cost.memory.peak_rss_kb << " kB" << std::endl;
  CHECK(gateway_comes_to_agree(scene));
  check_listing(scene, count);
  return cost;
}

}  // namespace

TEST_CASE("10,000 deployments of a first sync are stored and pushed, and memory does not follow their number [R26]") {
  const Cost few = first_sync(kFew);
  const Cost many = first_sync(kMany);

  CHECK(many.served < kLongest);
  if (!kSanitized) {
    CHECK(static_cast<double>(many.memory.peak_rss_kb) < kMostGrowth * static_cast<double>(few.memory.peak_rss_kb));
  }
}

TEST_CASE("a gateway that starts empty is configured from the store alone, before anything is dialled [R10] [R24]") {
  Scene scene;
  scene.start_control_plane();
  scene.control_plane().bulk_deploy("RestApi", kFew);
  scene.start_gateway();
  scene.start_daemon({{"TETHER_LOG_LEVEL", "info"}});
  REQUIRE(gateway_comes_to_hold(scene, kFew, kLongest));
  REQUIRE(all_come_to_be_acknowledged(scene, kLongest));
  CHECK(scene.stop_daemon() == 0);
  scene.control_plane().kill();
  REQUIRE(scene.gateway().come_back(/*empty=*/true));

  const TimePoint start = Clock::now();
  scene.start_daemon({{"TETHER_LOG_LEVEL", "info"}});
  CHECK(gateway_comes_to_hold(scene, kFew, kLongest));

  std::cout << kFew << " resources pushed from the store " << seconds(Clock::now() - start) * 1000
            << " ms after the start" << std::endl;
}

TEST_CASE("what a first sync needed of memory is given back after it [R26]") {
  Scene scene;
  scene.start_control_plane();
  scene.control_plane().change_faults([](peers::Faults& faults) { faults.replay = "none"; });
  scene.control_plane().bulk_deploy("RestApi", kFew);
  scene.start_gateway();
  scene.start_daemon({{"TETHER_LOG_LEVEL", "debug"}});
  REQUIRE(gateway_comes_to_hold(scene, kFew, kLongest));

  const auto since_1970 = std::chrono::system_clock::now().time_since_epoch();
  const auto synced = format_rfc3339_ms({std::chrono::duration_cast<std::chrono::nanoseconds>(since_1970).count()});
  // Nor the one of the start, if that was slow.
  const auto released = [&synced](const std::string& line) {
    return line.find("memory.released") != std::string::npos &&
           nlohmann::json::parse(line).at("time").get<std::string>() > synced;
  };
  REQUIRE(scene.daemon().wait_for_line(released, kLongest));

  const auto memory = scene.daemon().memory();
  std::cout << "after " << kFew << " deployments: RSS " << memory.rss_kb << " kB of " << memory.peak_rss_kb
            << " kB at most" << std::endl;
  if (!kSanitized) CHECK(memory.rss_kb + 1024 < memory.peak_rss_kb);
}

TEST_CASE("an idle daemon is small [R26]") {
  Scene scene;
  scene.start_control_plane();
  scene.start_gateway();
  scene.start_daemon({{"TETHER_LOG_LEVEL", "info"}});
  scene.wait_until_in_sync();

  const auto memory = scene.daemon().memory();
  std::cout << "idle: RSS " << memory.rss_kb << " kB, PSS " << memory.pss_kb << " kB" << std::endl;
#ifdef NDEBUG
  constexpr std::uint64_t kMostIdleKb = 12 * 1024;
  if (!kSanitized) CHECK(memory.rss_kb <= kMostIdleKb);
#endif
}
