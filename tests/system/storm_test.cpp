#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <random>

#include "desired.h"
#include "sanitized.h"
#include "tether/peers/documents.h"

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

/// What the database refuses (another key of a name that is taken) simply does not happen.
template <class Value>
void may_be_refused(const Result<Value>&) {}

/// Random operations on a database, as people make them: mostly on what is there already.
class Storm {
 public:
  explicit Storm(std::uint32_t seed) : random_(seed) {}

  int up_to(int most) { return std::uniform_int_distribution(0, most)(random_); }

  void operate(peers::Desire& desire) {
    const int dice = up_to(99);
    if (dice < 15 || desire.rows().size() < 5) return deploy_new(desire);
    const std::string id = any_artifact(desire);
    if (dice < 45) {
      may_be_refused(desire.redeploy(id));
    } else if (dice < 60) {
      if (desire.rows().at(id).wanted) may_be_refused(desire.undeploy(id));
    } else if (dice < 68) {
      may_be_refused(desire.restore(any_deployment(desire, id)));
    } else if (dice < 71) {
      may_be_refused(desire.delete_artifact(id));
    } else {
      change_what_belongs_to(desire, id, dice);
    }
  }

 private:
  void deploy_new(peers::Desire& desire) {
    static constexpr std::array<const char*, 4> kKinds{"RestApi", "LlmProvider", "LlmProxy", "Mcp"};
    peers::SampleDocument sample;
    sample.kind = kKinds[static_cast<std::size_t>(up_to(kKinds.size() - 1))];
    sample.handle = "storm-" + std::to_string(++named_);
    // A gateway takes a proxy only with its provider; this one is there from the beginning.
    sample.providers = {"openai-provider"};
    if (up_to(3) == 0) sample.secrets = {"openai-key"};
    may_be_refused(desire.deploy(sample.kind, sample.handle, peers::sample_document(sample)));
  }

  void change_what_belongs_to(peers::Desire& desire, const std::string& id, int dice) {
    // Keys of MCP proxies and subscriptions of other kinds come by event only: a lost one is lost.
    const std::string kind = desire.artifacts().at(id).kind;
    const std::string name = "key-" + std::to_string(up_to(2));
    if (dice < 80) {
      if (kind != "Mcp") may_be_refused(desire.create_key(id, name));
    } else if (dice < 85) {
      if (kind != "Mcp") may_be_refused(desire.update_key(id, name));
    } else if (dice < 90) {
      if (kind != "Mcp") may_be_refused(desire.revoke_key(id, name));
    } else if (dice < 96) {
      if (kind == "RestApi") may_be_refused(desire.create_subscription(id, plan_of(desire)));
    } else {
      may_be_refused(desire.update_plan(plan_of(desire), {{"throttleLimitCount", up_to(1000)}}));
    }
  }

  std::string plan_of(peers::Desire& desire) {
    const auto plans = desire.plans();
    return plans.empty() ? desire.create_plan("gold") : plans[0]["id"].get<std::string>();
  }

  std::string any_artifact(const peers::Desire& desire) {
    // The provider that all proxies name stays as it is.
    std::vector<std::string> ids;
    for (const auto& [id, row] : desire.rows()) {
      if (desire.artifacts().at(id).handle != "openai-provider") ids.push_back(id);
    }
    return ids[static_cast<std::size_t>(up_to(static_cast<int>(ids.size()) - 1))];
  }

  std::string any_deployment(const peers::Desire& desire, const std::string& artifact_id) {
    std::vector<std::string> ids;
    for (const auto& [id, deployment] : desire.deployments()) {
      if (deployment.artifact_id == artifact_id) ids.push_back(id);
    }
    return ids[static_cast<std::size_t>(up_to(static_cast<int>(ids.size()) - 1))];
  }

  std::mt19937 random_;
  int named_ = 0;
};

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
