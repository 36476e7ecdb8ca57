#include <catch2/catch.hpp>

#include "sanitized.h"
#include "scene.h"

using namespace tether;
using namespace tether::test;

TEST_CASE("what was deployed before the start is served and acknowledged [R4] [C1]") {
  Scene scene;
  scene.start_control_plane();
  const auto petstore = scene.control_plane().deploy("RestApi", "petstore");
  scene.start_gateway();

  scene.start_daemon();

  CHECK(scene.gateway_comes_to_serve({{petstore.artifact_id, petstore.deployment_id}}));
  scene.wait_until_in_sync();
  CHECK(scene.control_plane().wait_until(
      [&petstore](const peers::Observed& seen, const peers::Desire&) {
        return seen.acks_with(petstore.artifact_id, "success") >= 1;
      },
      kPatience));
  CHECK(scene.control_plane().status_of(petstore.artifact_id) == peers::Status::Deployed);
}

TEST_CASE("SIGTERM ends the daemon with a close frame and status 0 within 5 s [R13]") {
  Scene scene;
  scene.start_control_plane();
  scene.start_gateway();
  scene.start_daemon();
  scene.wait_until_in_sync();

  const TimePoint before = Clock::now();
  CHECK(scene.stop_daemon() == 0);

  CHECK(Clock::now() - before < (kSanitized ? 10s : 5s));
  // By the daemon's own clock as well: it did not give up waiting for anybody.
  const auto stopped = scene.daemon().wait_for_text("daemon.stopped");
  REQUIRE(stopped);
  CHECK(nlohmann::json::parse(*stopped)["in_time"] == true);
}
