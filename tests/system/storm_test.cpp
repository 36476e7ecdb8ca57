#include "storm.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <random>

#include "desired.h"
#include "sanitized.h"

using namespace tether;
using namespace tether::test;

namespace {

constexpr int kRounds = 50;
constexpr int kRoundsWithSanitizers = 10;
constexpr int kMostOperations = 25;
/// A round ends at a random moment of its first so many milliseconds.
constexpr int kLongestRoundMs = 600;

int rounds() {
  const char* set = std::getenv("TETHER_ROUNDS");
  if (set != nullptr) return std::stoi(set);
  return kSanitized ? kRoundsWithSanitizers : kRounds;
}

std::uint32_t seed() {
  const char* set = std::getenv("TETHER_SEED");
  return set != nullptr ? static_cast<std::uint32_t>(std::stoul(set)) : std::random_device{}();
}

}  // namespace

TEST_CASE(
    "killed at random during a storm of events, again and again, it ends in the right state with everything "
    "acknowledged [R19] [R22] [R28] [C1] [C2] [C3]") {
  const std::uint32_t seeded = seed();
  const int count = rounds();
  std::cout << "TETHER_SEED=" << seeded << " TETHER_ROUNDS=" << count << std::endl;
  INFO("TETHER_SEED=" << seeded);
  Storm storm(seeded);
  Scene scene;
  scene.start_control_plane();
  scene.start_gateway();
  scene.control_plane().change([](peers::Desire& desire) { desire.put_secret("openai-key", "first-value"); });
  scene.control_plane().deploy("LlmProvider", "openai-provider");

  for (int round = 0; round < count; ++round) {
    scene.start_daemon();
    const TimePoint end = Clock::now() + std::chrono::milliseconds(storm.up_to(kLongestRoundMs));
    scene.control_plane().change_faults([&storm](peers::Faults& faults) {
      faults.lose_at_disconnect = storm.up_to(3);
      faults.repeat_last = storm.up_to(2);
    });
    for (int i = storm.up_to(kMostOperations); i > 0; --i) {
      scene.control_plane().change([&storm](peers::Desire& desire) { storm.operate(desire); });
      // The next one some time later, or as soon as something was acknowledged: the rounds are spread over all phases.
      const Duration pause = std::min<Duration>(std::chrono::milliseconds(storm.up_to(40)), end - Clock::now());
      std::optional<std::size_t> acks;
      scene.control_plane().wait_until(
          [&acks](const peers::Observed& seen, const peers::Desire&) {
            if (!acks) acks = seen.acks.size();
            return seen.acks.size() > *acks;
          },
          pause);
    }
    scene.control_plane().wait_until([](const peers::Observed&, const peers::Desire&) { return false; },
                                     end - Clock::now());
    scene.kill_daemon();
  }

  scene.control_plane().change_faults([](peers::Faults& faults) { faults.lose_at_disconnect = 0; });
  scene.start_daemon({{"TETHER_POLL_INTERVAL_S", "5"}});
  CHECK(gateway_comes_to_agree(scene));
  CHECK(all_come_to_be_acknowledged(scene));
  scene.wait_until_in_sync();
}
