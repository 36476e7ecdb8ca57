// ./dev crash: the daemon is killed at random instants under load, again and again. TETHER_ROUNDS and TETHER_SEED set
// how often and from which seed; what fails leaves its state folder and the daemon's log in TETHER_KEEP.
#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <random>

#include "storm.h"
#include "tether/peers/documents.h"
#include "world.h"

using namespace tether;
using namespace tether::test;

namespace {

namespace fs = std::filesystem;

constexpr int kRounds = 50;
/// After so many rounds the load ends, both sides must agree, and a new world begins.
constexpr int kRoundsOfWorld = 25;
constexpr int kLongestRoundMs = 500;
/// One round in so many ends before a daemon has listed everything.
constexpr int kShortRounds = 3;
constexpr int kShortRoundMs = 100;
/// One round in so many goes on for longer than a first sync takes under load.
constexpr int kLongRounds = 15;
constexpr int kLongRoundMs = 3'000;
constexpr int kLongestPauseMs = 30;
/// One round in so many begins with the control plane away.
constexpr int kStartsAlone = 4;

enum Phase { kStarting, kServing, kConnecting, kInSync, kPhases };
constexpr std::array<const char*, kPhases> kPhaseNames{"before the gateway was asked", "before the first dial",
                                                       "before the first full listing", "under load, connected"};

int number_from(const char* name, int otherwise) {
  const char* set = std::getenv(name);
  return set == nullptr ? otherwise : std::stoi(set);
}

std::uint32_t seed() {
  static const std::uint32_t value = [] {
    const char* set = std::getenv("TETHER_SEED");
    return set != nullptr ? static_cast<std::uint32_t>(std::stoul(set)) : std::random_device{}();
  }();
  return value;
}

double seconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

struct Tally {
  std::array<int, kPhases> kills{};
  int operations = 0, gateway_restarts = 0, lost_links = 0, lost_answers = 0, failed_fetches = 0, refusals = 0;
  int starts_alone = 0;
  std::vector<Duration> settled;
};

class Rounds {
 public:
  Rounds(std::uint32_t world_seed, Tally& tally) : storm_(world_seed), tally_(tally) {
    world_.change([](peers::Desire& desire) {
      desire.put_secret("openai-key", "first-value");
      REQUIRE(desire.deploy("LlmProvider", "openai-provider"));
    });
  }

  /// Sentences about what went wrong; empty: nothing.
  std::vector<std::string> play(int rounds) {
    for (int round = 0; round < rounds; ++round) {
      if (round > 0 && storm_.up_to(kStartsAlone - 1) == 0) {
        if (auto wrong = start_alone(); !wrong.empty()) return wrong;
      } else {
        world_.start_daemon();
      }
      begin_looking();
      load_until(Clock::now() + std::chrono::milliseconds(length_ms()));
      if (!world_.daemon().is_running()) return {"the daemon ended by itself"};
      ++tally_.kills[phase()];
      world_.kill_daemon();
      if (auto wrong = world_.violations(); !wrong.empty()) return wrong;
    }
    return settle();
  }

  void keep(const fs::path& folder) {
    std::error_code error;
    fs::remove_all(folder, error);
    fs::create_directories(folder, error);
    fs::copy(world_.file("state"), folder / "state", fs::copy_options::recursive, error);
    std::ofstream(folder / "daemon.log") << world_.daemon().all_output();
  }

 private:
  void begin_looking() {
    asked_before_ = world_.gateway().history().size();
    dials_before_ = dials();
    started_ = Clock::now();
  }

  int length_ms() {
    if (storm_.up_to(kShortRounds - 1) == 0) return storm_.up_to(kShortRoundMs);
    return storm_.up_to(storm_.up_to(kLongRounds - 1) == 0 ? kLongRoundMs : kLongestRoundMs);
  }

  std::size_t dials() {
    std::size_t count = 0;
    world_.control_plane().wait_until(
        [&count](const peers::Observed& seen, const peers::Desire&) {
          count = seen.dials.size();
          return true;
        },
        0s);
    return count;
  }

  bool has_listed() {
    return world_.control_plane().wait_until(
        [this](const peers::Observed& seen, const peers::Desire&) {
          return std::any_of(seen.rest.rbegin(), seen.rest.rend(), [this](const peers::RestCall& call) {
            return call.at >= started_ && call.call == "deployments" && call.query.empty() && call.status == 200;
          });
        },
        0s);
  }

  Phase phase() {
    if (has_listed()) return kInSync;
    if (dials() > dials_before_) return kConnecting;
    return world_.gateway().history().size() > asked_before_ ? kServing : kStarting;
  }

  /// From the store alone, to the gateway as it is or to an empty one.
  std::vector<std::string> start_alone() {
    ++tally_.starts_alone;
    const auto before = world_.gateway().resources();
    world_.close_control_plane(true);
    if (storm_.up_to(1) == 0) world_.restart_gateway(/*empty=*/true);
    world_.start_daemon();
    if (!world_.comes_to([this] { return world_.is_ready(); })) return {"what is stored was not served"};
    auto wrong = world_.missing_of(before);
    world_.close_control_plane(false);
    return wrong;
  }

  void load_until(TimePoint end) {
    while (Clock::now() < end) {
      act();
      const Duration pause = std::chrono::milliseconds(storm_.up_to(kLongestPauseMs));
      world_.comes_to([] { return false; }, std::min<Duration>(pause, end - Clock::now()));
    }
  }

  void act() {
    const int dice = storm_.up_to(99);
    if (dice < 80) {
      ++tally_.operations;
      world_.change([this](peers::Desire& desire) { storm_.operate(desire); });
    } else if (dice < 85) {
      ++tally_.gateway_restarts;
      world_.restart_gateway(/*empty=*/dice < 83);
    } else if (dice < 90) {
      ++tally_.lost_links;
      constexpr std::array kEndings{peers::Ending::ServerShutdown, peers::Ending::NormalClosure,
                                    peers::Ending::TcpClose, peers::Ending::TcpReset};
      world_.control_plane().change_faults([this](peers::Faults& faults) {
        faults.lose_at_disconnect = storm_.up_to(3);
        faults.repeat_last = storm_.up_to(2);
      });
      world_.control_plane().end_links(kEndings[static_cast<std::size_t>(storm_.up_to(kEndings.size() - 1))]);
    } else if (dice < 94) {
      ++tally_.lost_answers;
      world_.gateway().change_faults(
          [dice](peers::GatewayFaults& faults) { (dice < 92 ? faults.cut_after : faults.cut_before) = 1; });
    } else if (dice < 97) {
      ++tally_.failed_fetches;
      world_.control_plane().change_faults([](peers::Faults& faults) {
        faults.rest["fetch-batch"].status = 500;
        faults.rest["fetch-batch"].count = 1;
      });
    } else {
      refuse_one();
    }
  }

  /// From now on the gateway takes no version of this API that is made to be refused.
  void refuse_one() {
    ++tally_.refusals;
    const std::string handle = "refused-" + std::to_string(tally_.refusals);
    world_.gateway().change_faults([&handle](peers::GatewayFaults& faults) {
      peers::Refusal refusal;
      refusal.handle = handle;
      refusal.document_contains = "refused.example";
      faults.refuse.push_back(refusal);
    });
    world_.change([&handle](peers::Desire& desire) {
      REQUIRE(desire.deploy("RestApi", handle));
      peers::SampleDocument sample;
      sample.handle = handle;
      sample.backend = "https://refused.example";
      REQUIRE(desire.deploy("RestApi", handle, peers::sample_document(sample)));
    });
  }

  /// What was refused is mended, the load ends, and all must agree in the end.
  std::vector<std::string> settle() {
    world_.control_plane().change_faults([](peers::Faults& faults) { faults.lose_at_disconnect = 0; });
    world_.change([](peers::Desire& desire) {
      for (const auto& [id, artifact] : desire.artifacts()) {
        if (!artifact.handle.starts_with("refused-") || !desire.rows().contains(id)) continue;
        peers::SampleDocument sample;
        sample.handle = artifact.handle;
        REQUIRE(desire.redeploy(id, peers::sample_document(sample)));
      }
    });
    world_.start_daemon();
    const TimePoint began = Clock::now();
    const bool settled = world_.comes_to([this] { return world_.agrees() && world_.is_in_sync(); });
    tally_.settled.push_back(Clock::now() - began);
    auto wrong = world_.violations();
    if (settled) return wrong;
    wrong.push_back("the daemon did not come to be in sync");
    for (auto& sentence : world_.differences()) wrong.push_back(std::move(sentence));
    return wrong;
  }

  World world_;
  Storm storm_;
  Tally& tally_;
  std::size_t asked_before_ = 0;
  std::size_t dials_before_ = 0;
  TimePoint started_;
};

void print(const Tally& tally, int rounds, int failures, Duration took) {
  std::printf("\n%-32s %8s\n", "killed", "rounds");
  for (std::size_t i = 0; i < kPhases; ++i) std::printf("%-32s %8d\n", kPhaseNames[i], tally.kills[i]);
  std::printf("\n%-32s %8s\n", "meanwhile", "times");
  std::printf("%-32s %8d\n", "changes at the control plane", tally.operations);
  std::printf("%-32s %8d\n", "links lost", tally.lost_links);
  std::printf("%-32s %8d\n", "fetches failed", tally.failed_fetches);
  std::printf("%-32s %8d\n", "gateway restarts", tally.gateway_restarts);
  std::printf("%-32s %8d\n", "pushes cut off", tally.lost_answers);
  std::printf("%-32s %8d\n", "deployments refused", tally.refusals);
  std::printf("%-32s %8d\n", "starts without a control plane", tally.starts_alone);
  const auto longest = std::ranges::max_element(tally.settled);
  std::printf("\n%d rounds in %.0f s, %zu times in sync at the end (at most %.1f s later), %d failures\n", rounds,
              seconds(took), tally.settled.size(), longest == tally.settled.end() ? 0.0 : seconds(*longest), failures);
  std::fflush(stdout);
}

}  // namespace

TEST_CASE("killed at random instants under load it loses nothing and ends in sync [R28]") {
  const int rounds = number_from("TETHER_ROUNDS", kRounds);
  const char* keep = std::getenv("TETHER_KEEP");
  const TimePoint began = Clock::now();
  std::cout << rounds << " rounds, seed " << seed() << std::endl;
  Tally tally;
  int failures = 0;
  for (int done = 0; done < rounds; done += kRoundsOfWorld) {
    // Each world has a seed that can be given alone.
    const std::uint32_t world_seed = seed() + static_cast<std::uint32_t>(done / kRoundsOfWorld);
    Rounds world(world_seed, tally);
    const auto wrong = world.play(std::min(kRoundsOfWorld, rounds - done));
    if (wrong.empty()) continue;
    ++failures;
    std::cout << "\nseed " << world_seed << ", " << kRoundsOfWorld << " rounds:\n";
    for (const auto& sentence : wrong) std::cout << "  " << sentence << "\n";
    if (keep == nullptr) continue;
    const fs::path folder = fs::path(keep) / std::to_string(world_seed);
    world.keep(folder);
    std::cout << "  kept: " << folder.string() << std::endl;
  }
  print(tally, rounds, failures, Clock::now() - began);
  CHECK(failures == 0);
}
