#include <catch2/catch.hpp>

#include "scene.h"

using namespace tether;
using namespace tether::test;

namespace {

/// The bound of a pong, on a machine that is not slowed down several times by a sanitizer.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr auto kPongLimit = 500ms;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr auto kPongLimit = 500ms;
#else
constexpr auto kPongLimit = 100ms;
#endif
#else
constexpr auto kPongLimit = 100ms;
#endif

constexpr std::int64_t kPingIntervalMs = 200;
/// 25 s of pings: longer than the slowest answer.
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
      [&tools](const auto& seen, const auto&) { return seen.acks_with(tools.artifact_id, "success") == 1; }));

  scene.gateway().change_faults([](peers::GatewayFaults& faults) { faults.delay_ms = 5'000; });
  scene.control_plane().change_faults([](peers::Faults& faults) {
    faults.rest["*"].delay_ms = 20'000;
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
        [keys](const nlohmann::json& status) { return status["store"]["resources"].value("ApiKey", 0) >= keys; }, 5s);
    REQUIRE(stored.is_object());
  }

  CHECK(scene.control_plane().observed().max_pong_delay() <= kPongLimit);
  CHECK(scene.metric(series("apikey.created")) == keys_before + keys);
  CHECK(scene.metric(series("application.updated")) == keys);
  CHECK(scene.status()["control_plane"]["state"] == "connected");
  CHECK(scene.control_plane().observed().dials.empty());
  // And what was slow arrives all the same.
  CHECK(scene.gateway_comes_to_serve(
      {{tools.artifact_id, tools.deployment_id}, {petstore.artifact_id, petstore.deployment_id}}));
}
