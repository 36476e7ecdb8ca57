// The daemon is ended at the n-th system call that changes its store, and started again. TETHER_EVERY_CALL=1 takes
// every n of a scripted run, otherwise some: a stride from an offset that is drawn and printed. TETHER_SEED repeats
// one.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <iostream>
#include <random>

#include "tether/peers/documents.h"
#include "world.h"

using namespace tether;
using namespace tether::test;

namespace {

constexpr const char* kRefused = "refused.example";

bool takes_every_call() {
  return std::getenv("TETHER_EVERY_CALL") != nullptr;
}

std::uint32_t seed() {
  static const std::uint32_t value = [] {
    const char* set = std::getenv("TETHER_SEED");
    const auto drawn = set != nullptr ? static_cast<std::uint32_t>(std::stoul(set)) : std::random_device{}();
    std::cout << "TETHER_SEED=" << drawn << std::endl;
    return drawn;
  }();
  return value;
}

std::string document(const std::string& handle, const std::string& backend) {
  peers::SampleDocument sample;
  sample.handle = handle;
  sample.backend = backend;
  return peers::sample_document(sample);
}

struct Ids {
  std::string petstore, orders, spare;
};

Ids deploy_all(World& world) {
  return world.change([](peers::Desire& desire) {
    desire.put_secret("openai-key", "s3cret");
    peers::SampleDocument provider;
    provider.kind = "LlmProvider";
    provider.handle = "openai-provider";
    provider.secrets = {"openai-key"};
    REQUIRE(desire.deploy(provider.kind, provider.handle, peers::sample_document(provider)));
    REQUIRE(desire.deploy("LlmProxy", "assistant"));
    Ids ids;
    ids.petstore = desire.deploy("RestApi", "petstore")->artifact_id;
    ids.orders = desire.deploy("RestApi", "orders")->artifact_id;
    ids.spare = desire.deploy("RestApi", "spare")->artifact_id;
    REQUIRE(desire.create_key(ids.petstore, "mobile-app"));
    return ids;
  });
}

/// Steps of a life, each of which waits for its effect; an end of the daemon ends them. True: it lived to the last.
class Life {
 public:
  Life(World& world, Ids ids) : world_(world), ids_(std::move(ids)) {}

  bool first_sync() {
    return world_.comes_to([this] { return world_.agrees(); });
  }

  bool changes() {
    world_.let_time_pass();
    const std::string backend = "https://v" + std::to_string(++version_) + ".example";
    world_.change([this, &backend](peers::Desire& desire) {
      REQUIRE(desire.redeploy(ids_.petstore, document("petstore", backend)));
      REQUIRE(desire.create_key(ids_.petstore, "app-" + std::to_string(version_)));
    });
    if (!world_.comes_to([this] { return world_.agrees(); })) return false;
    world_.change([this](peers::Desire& desire) { REQUIRE(desire.undeploy(ids_.orders)); });
    if (!world_.comes_to([this] { return world_.agrees(); })) return false;
    world_.change([this](peers::Desire& desire) { REQUIRE(desire.redeploy(ids_.orders)); });
    return world_.comes_to([this] { return world_.agrees(); });
  }

  bool is_refused() {
    world_.gateway().change_faults([](peers::GatewayFaults& faults) {
      peers::Refusal refusal;
      refusal.document_contains = kRefused;
      faults.refuse = {refusal};
    });
    world_.change([this](peers::Desire& desire) {
      REQUIRE(desire.redeploy(ids_.spare, document("spare", std::string("https://") + kRefused)));
    });
    return world_.comes_to([this] { return world_.control_plane().status_of(ids_.spare) == peers::Status::Failed; });
  }

  bool gateway_restarts() {
    const auto before = world_.gateway().resources();
    world_.restart_gateway(/*empty=*/true);
    return world_.comes_to([this, &before] { return world_.gateway().resources().size() >= before.size(); });
  }

  bool stops() { return world_.stop_daemon(); }

  /// What was refused is mended.
  void mend() {
    world_.let_time_pass();
    world_.change([this](peers::Desire& desire) {
      REQUIRE(desire.redeploy(ids_.spare, document("spare", "https://good.example")));
    });
  }

 private:
  World& world_;
  const Ids ids_;
  int version_ = 0;
};

/// Started again with the control plane away, then with it: what must be so after any end.
void check_recovery(World& world, Life& life, bool empty_gateway) {
  const auto before = world.gateway().resources();
  world.close_control_plane(true);
  if (empty_gateway) world.restart_gateway(/*empty=*/true);

  world.start_daemon();

  // Were the epoch of what the gateway has unknown to the store, it would wait for a listing.
  CHECK(world.comes_to([&world] { return world.is_ready(); }));
  for (const auto& sentence : world.missing_of(before)) FAIL_CHECK(sentence);
  world.close_control_plane(false);
  CHECK(world.comes_to([&world] { return world.is_connected(); }));
  life.mend();
  CHECK(world.comes_to([&world] { return world.agrees() && world.is_in_sync(); }));
  for (const auto& sentence : world.differences()) FAIL_CHECK(sentence);
  for (const auto& sentence : world.violations()) FAIL_CHECK(sentence);
}

/// One run that is cut at the n-th call. False: it ended before that.
using Run = bool (*)(World&, Life&, const Cut&);

bool first_life(World& world, Life& life, const Cut& cut) {
  world.start_daemon(cut);
  const bool lived = life.first_sync() && life.changes() && life.is_refused() && life.gateway_restarts();
  return !(lived && life.stops());
}

bool second_life(World& world, Life& life, const Cut& cut) {
  world.start_daemon();
  REQUIRE((life.first_sync() && life.stops()));
  world.restart_gateway(/*empty=*/true);
  world.start_daemon(cut);
  return !(life.first_sync() && life.changes() && life.stops());
}

void cut_at_each_call(Run run, const std::string& how, std::uint64_t stride) {
  std::mt19937 random(seed());
  if (takes_every_call()) stride = 1;
  std::uint64_t cuts = 0;
  const TimePoint began = Clock::now();
  for (std::uint64_t at = 1 + random() % stride;; at += stride) {
    World world;
    Life life(world, deploy_all(world));
    const Cut cut{how, at, static_cast<std::uint32_t>(random())};
    const bool was_cut = run(world, life, cut);
    const std::string place = world.cut_at();
    INFO(how << " at call " << at << ": " << place << ", TETHER_SEED=" << seed());
    REQUIRE(was_cut == !place.empty());
    if (was_cut && cut.is_power_cut()) world.take_what_is_left();
    check_recovery(world, life, at % 2 == 0);
    if (!was_cut) break;
    ++cuts;
  }
  const auto took = std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - began).count();
  std::cout << how << ": " << cuts << " cuts, every " << stride << ". call, " << took << " s" << std::endl;
  CHECK(cuts > 0);
}

}  // namespace

TEST_CASE("killed at any system call of its store it goes on where it was [R28]") {
  cut_at_each_call(first_life, "kill", 79);
}

TEST_CASE("killed in the middle of any write to its store it goes on where it was [R28]") {
  cut_at_each_call(first_life, "torn", 119);
}

TEST_CASE("started again and killed at any system call of its store it goes on where it was [R28]") {
  cut_at_each_call(second_life, "kill", 119);
}

TEST_CASE("after a power cut at any system call, with what was synced alone, it goes on where it was [R28] [CE-7]") {
  cut_at_each_call(first_life, "power", 79);
}

TEST_CASE("after a power cut that kept some of what was not synced it goes on where it was [R28] [CE-7]") {
  cut_at_each_call(first_life, "power-some", 79);
}

TEST_CASE("started again, a power cut at any system call costs nothing [R28] [CE-7]") {
  cut_at_each_call(second_life, "power", 119);
}
