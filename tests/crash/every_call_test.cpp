// The daemon is ended at the n-th system call that changes its store, in a life without an operator, and started again.
#include "every_call.h"

#include <catch2/catch.hpp>

#include "tether/peers/documents.h"

using namespace tether;
using namespace tether::test;

namespace {

constexpr const char* kRefused = "refused.example";

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

class Lived : public Script {
 public:
  explicit Lived(World& world) : world_(world), life_(world, deploy_all(world)) {}

  /// Started again with the control plane away, then with it: what must be so after any end.
  void recover(bool empty_gateway) override {
    check_start_alone(world_, empty_gateway);
    world_.close_control_plane(false);
    CHECK(world_.comes_to([this] { return world_.is_connected(); }));
    life_.mend();
    check_that_all_agrees(world_);
  }

 protected:
  World& world_;
  Life life_;
};

class FirstLife : public Lived {
 public:
  using Lived::Lived;
  bool lives(const Cut& cut) override {
    world_.start_daemon(cut);
    return life_.first_sync() && life_.changes() && life_.is_refused() && life_.gateway_restarts() && life_.stops();
  }
};

class SecondLife : public Lived {
 public:
  using Lived::Lived;
  bool lives(const Cut& cut) override {
    world_.start_daemon();
    REQUIRE((life_.first_sync() && life_.stops()));
    world_.restart_gateway(/*empty=*/true);
    world_.start_daemon(cut);
    return life_.first_sync() && life_.changes() && life_.stops();
  }
};

}  // namespace

TEST_CASE("killed at any system call of its store it goes on where it was [R28]") {
  cut_at_each_call<FirstLife>("kill", 79);
}

TEST_CASE("killed in the middle of any write to its store it goes on where it was [R28]") {
  cut_at_each_call<FirstLife>("torn", 119);
}

TEST_CASE("started again and killed at any system call of its store it goes on where it was [R28]") {
  cut_at_each_call<SecondLife>("kill", 119);
}

TEST_CASE("after a power cut at any system call, with what was synced alone, it goes on where it was [R28] [CE-7]") {
  cut_at_each_call<FirstLife>("power", 79);
}

TEST_CASE("after a power cut that kept some of what was not synced it goes on where it was [R28] [CE-7]") {
  cut_at_each_call<FirstLife>("power-some", 79);
}

TEST_CASE("started again, a power cut at any system call costs nothing [R28] [CE-7]") {
  cut_at_each_call<SecondLife>("power", 119);
}
