// The daemon is ended at the n-th system call that changes its store, while a rule for what is rare is at work, and
// started again.
#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "every_call.h"

using namespace tether;
using namespace tether::test;

namespace fs = std::filesystem;

namespace {

using Ids = std::vector<std::string>;

const std::string kSecond = "01a20bde-d854-7424-8ebe-d894208daace";
constexpr std::size_t kMany = 8;
/// More than five of `kMany`, and not all.
constexpr std::size_t kHeld = 6;
constexpr std::size_t kMoreRequests = 3;

Ids deploy(World& world, const std::string& prefix, std::size_t count) {
  return world.change([&prefix, count](peers::Desire& desire) {
    Ids ids;
    for (std::size_t i = 0; i < count; ++i) {
      const auto deployed = desire.deploy("RestApi", prefix + std::to_string(i));
      REQUIRE(deployed);
      ids.push_back(deployed->artifact_id);
      REQUIRE(desire.create_key(deployed->artifact_id, "mobile-app"));
    }
    return ids;
  });
}

bool has_all(World& world, const Ids& ids) {
  const auto resources = world.gateway().resources();
  return std::ranges::all_of(ids, [&resources](const std::string& id) { return resources.contains({"RestApi", id}); });
}

/// What is deleted without a word to anybody is held, and goes by an operator's word.
class Released : public Script {
 public:
  explicit Released(World& world) : world_(world), ids_(deploy(world, "api-", kMany)) {
    world_.set("TETHER_POLL_INTERVAL_S", "1");
    world_.set("TETHER_FULL_LIST_EVERY", "1");
  }

  bool lives(const Cut& cut) override {
    Cut later = cut;
    later.waits_for_arming = true;
    world_.start_daemon(later);
    if (!comes_to_be_in_sync(world_)) return false;
    world_.arm();
    world_.control_plane().change_faults([](peers::Faults& faults) { faults.drop_events = true; });
    world_.change([this](peers::Desire& desire) {
      for (std::size_t i = 0; i < kHeld; ++i) REQUIRE(desire.delete_artifact(ids_[i]));
    });
    if (!world_.comes_to([this] { return holds(); })) return false;
    was_held_ = true;
    // Meanwhile an event is obeyed, and opens nothing.
    world_.control_plane().change_faults([](peers::Faults& faults) { faults.drop_events = false; });
    world_.change([this](peers::Desire& desire) { REQUIRE(desire.redeploy(ids_.back())); });
    if (!world_.comes_to([this] { return world_.is_acknowledged(ids_.back()); })) return false;
    is_released_ = true;
    world_.run_command("release-deletions");
    return comes_to_be_in_sync(world_) && world_.stop_daemon();
  }

  void recover(bool empty_gateway) override {
    // The witness looks after the others, but these were deleted.
    CHECK((is_released_ || has_all(world_, ids_)));
    check_start_alone(world_, empty_gateway);
    CHECK((is_released_ || has_all(world_, ids_)));
    if (was_held_ && !is_released_) CHECK(holds());

    world_.close_control_plane(false);
    CHECK(world_.comes_to([this] { return holds() || world_.agrees(); }));
    CHECK((is_released_ || has_all(world_, ids_)));
    is_released_ = true;
    CHECK(world_.comes_to([this] {
      if (holds()) world_.run_command("release-deletions");
      return world_.agrees() && world_.is_in_sync();
    }));
    check_that_all_agrees(world_);
  }

 private:
  bool holds() {
    const auto now = world_.status();
    return now.is_object() && !now["holds"].empty();
  }

  World& world_;
  const Ids ids_;
  bool was_held_ = false;
  bool is_released_ = false;
};

/// The control plane comes back with another database, whose identity takes over.
class Switched : public Script {
 public:
  explicit Switched(World& world) : world_(world), first_(deploy(world, "first-", kMany)) {}

  bool lives(const Cut& cut) override {
    Cut later = cut;
    later.waits_for_arming = true;
    world_.start_daemon(later);
    if (!comes_to_be_in_sync(world_)) return false;
    world_.arm();
    world_.control_plane().kill();  // first: what comes on a link of our own database is our own
    world_.control_plane().swap_database(kSecond);
    second_ = deploy(world_, "second-", kMany);
    REQUIRE(world_.control_plane().revive());
    return comes_to_be_in_sync(world_) && world_.stop_daemon();
  }

  /// The gateway has one identity's configuration at any time: the witness sees to that.
  void recover(bool empty_gateway) override {
    check_start_alone(world_, empty_gateway);
    CHECK(world_.comes_to([this] { return has_all(world_, first_) || has_all(world_, second_); }));
    world_.close_control_plane(false);
    check_that_all_agrees(world_);
    CHECK(has_all(world_, second_));
  }

 private:
  World& world_;
  const Ids first_;
  Ids second_;
};

/// Something of what is stored is lost while no daemon runs.
class Lost : public Script {
 public:
  explicit Lost(World& world) : world_(world) {
    deploy(world, "api-", kMany);
    world_.change([](peers::Desire& desire) { desire.put_secret("backend-key", "s3cret"); });
  }

  bool lives(const Cut& cut) override {
    world_.start_daemon();
    REQUIRE((comes_to_be_in_sync(world_) && world_.stop_daemon()));
    lose();
    world_.start_daemon(cut);
    return comes_to_be_in_sync(world_) && world_.stop_daemon();
  }

  void recover(bool fresh_gateway) override {
    const auto before = world_.gateway().resources();
    world_.close_control_plane(true);
    const std::size_t from = world_.gateway().history().size();
    world_.start_daemon();
    CHECK(world_.comes_to([&] { return world_.gateway().history().size() >= from + kMoreRequests; }));
    CHECK(world_.gateway().resources() == before);
    world_.close_control_plane(false);
    check_that_all_agrees(world_);
    if (!fresh_gateway) return;
    // All that was lost is stored again, and can be read.
    world_.close_control_plane(true);
    REQUIRE(world_.stop_daemon());
    world_.restart_gateway(/*empty=*/true);
    world_.start_daemon();
    CHECK(world_.comes_to([this] { return world_.agrees(); }));
  }

 protected:
  virtual void lose() = 0;
  World& world_;
};

class LostKey : public Lost {
 public:
  using Lost::Lost;

 private:
  void lose() override { REQUIRE(fs::remove(world_.file("state") + "/secrets.key")); }
};

class DamagedStore : public Lost {
 public:
  using Lost::Lost;

 private:
  void lose() override {
    world_.forgive_what_is_set_aside();
    std::fstream file(world_.file("state") + "/tetherd.db", std::ios::in | std::ios::out | std::ios::binary);
    REQUIRE(file.write("this is no database", 19));
  }
};

}  // namespace

TEST_CASE("killed at any system call while removals are held and released it removes what was agreed to [R28] [B5]") {
  cut_at_each_call<Released>("kill", 197);
}

TEST_CASE("after a power cut while removals are held and released it removes what was agreed to [R28] [B5]") {
  cut_at_each_call<Released>("power", 197);
}

TEST_CASE("killed at any system call while another identity takes over the gateway has one of them [R28] [CE-2]") {
  cut_at_each_call<Switched>("kill", 197);
}

TEST_CASE("after a power cut while another identity takes over the gateway has one of them [R28] [CE-2]") {
  cut_at_each_call<Switched>("power", 197);
}

TEST_CASE("killed at any system call of its start with a lost key it costs the gateway nothing [R10] [R28]") {
  cut_at_each_call<LostKey>("kill", 61);
}

TEST_CASE("after a power cut at its start with a lost key it costs the gateway nothing [R10] [R28]") {
  cut_at_each_call<LostKey>("power-some", 61);
}

TEST_CASE("killed at any system call of its start with a damaged store it costs the gateway nothing [R28]") {
  cut_at_each_call<DamagedStore>("kill", 61);
}

TEST_CASE("after a power cut at its start with a damaged store it costs the gateway nothing [R28]") {
  cut_at_each_call<DamagedStore>("power-some", 61);
}
