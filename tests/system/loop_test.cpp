#include <catch2/catch.hpp>

#include "sanitized.h"
#include "scene.h"

using namespace tether;
using namespace tether::test;

namespace {

/// The bound of a pong, on a machine that is not slowed down several times by a sanitizer.
constexpr auto kPongLimit = kSanitized ? 500ms : 100ms;
/// The machine may keep the daemon or its peer waiting for a moment, now and then: one pong in ten may be that late …
constexpr double kInTime = 0.9;
/// … and none later than this. A loop that waited for an answer would be late by all of `kSlowAnswer`.
constexpr auto kLatestPong = 2s;
constexpr auto kSlowAnswer = 20s;
/// Less than a slow answer, by enough for a busy machine.
constexpr auto kStoredWithin = 15s;

constexpr std::int64_t kPingIntervalMs = 200;
/// 25 s of pings: longer than a slow answer.
constexpr int kPongs = 125;
/// An event comes with every so many pongs.
constexpr int kPongsPerEvent = 5;

int pongs(const peers::Observed& seen) {
  int count = 0;
  for (const auto& [number, link] : seen.links) count += link.pongs;
  return count;
}

std::string series(const std::string& type) {
  return "tetherd_events_received_total{type=\"" + type + "\"}";
}

}  // namespace

TEST_CASE("the loop never blocks: pongs leave and events are stored while REST and gateway are slow [R12] [D1]") {
  Scene scene;
  scene.start_control_plane();
  const auto tools = scene.control_plane().deploy("Mcp", "tools");
  scene.start_gateway();
  scene.start_daemon();
  scene.wait_until_in_sync();
  REQUIRE(scene.control_plane().wait_until(
      [&tools](const auto& seen, const auto&) { return seen.acks_with(tools.artifact_id, "success") >= 1; },
      kPatience));

  constexpr std::int64_t kDelayMs = std::chrono::milliseconds(kSlowAnswer).count();
  scene.gateway().change_faults([](peers::GatewayFaults& faults) { faults.delay_ms = kDelayMs; });
  scene.control_plane().change_faults([](peers::Faults& faults) {
    faults.rest["*"].delay_ms = kDelayMs;
    faults.ping_interval_ms = kPingIntervalMs;
  });
  scene.control_plane().forget_observed();
  const double keys_before = scene.metric(series("apikey.created"));
  const auto petstore = scene.control_plane().deploy("RestApi", "petstore");  // a fetch that takes 20 s

  // Events that carry their content wait for no answer of anybody.
  int keys = 0;
  for (int awaited = kPongsPerEvent; awaited <= kPongs; awaited += kPongsPerEvent) {
    REQUIRE(scene.control_plane().wait_until(
        [awaited](const auto& seen, const auto&) { return pongs(seen) >= awaited; }, kPatience));
    const std::string name = "key-" + std::to_string(++keys);
    scene.control_plane().change([&](peers::Desire& desire) {
      const auto key = desire.create_key(tools.artifact_id, name);
      REQUIRE(key);
      desire.update_application("mobile-app", {*key});
    });
    const auto stored = scene.wait_for(
        [keys](const nlohmann::json& status) { return status["store"]["resources"].value("ApiKey", 0) >= keys; },
        kStoredWithin);
    REQUIRE(stored.is_object());
  }

  const auto seen = scene.control_plane().observed();
  CHECK(seen.pong_delay_of_share(kInTime) <= kPongLimit);
  CHECK(seen.max_pong_delay() <= kLatestPong);
  scene.wait_for([&](const nlohmann::json&) { return scene.metric(series("application.updated")) == keys; });
  CHECK(scene.metric(series("apikey.created")) == keys_before + keys);
  CHECK(scene.status()["control_plane"]["state"] == "connected");
  CHECK(scene.control_plane().observed().dials.empty());
  // And what was slow arrives all the same.
  CHECK(scene.gateway_comes_to_serve(
      {{tools.artifact_id, tools.deployment_id}, {petstore.artifact_id, petstore.deployment_id}}));
}
