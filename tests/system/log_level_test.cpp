#include <algorithm>
#include <catch2/catch.hpp>
#include <csignal>

#include "steps.h"

using namespace tether;
using namespace tether::test;

namespace {

std::ptrdiff_t lines_at(Scene& scene, const std::string& level) {
  const auto lines = scene.daemon().out();
  return std::count_if(lines.begin(), lines.end(), [&level](const std::string& line) {
    return line.find("\"level\":\"" + level + "\"") != std::string::npos;
  });
}

}  // namespace

TEST_CASE("SIGUSR1 switches the running daemon's log to debug, and back") {
  Scene scene;
  start_all(scene, {{"TETHER_LOG_LEVEL", "warn"}});
  serve(scene, 1);
  CHECK(lines_at(scene, "debug") == 0);

  scene.daemon().signal(SIGUSR1);
  REQUIRE(scene.daemon().wait_for_text(R"("event":"log.level","to":"debug")", kPatience));
  serve(scene, 1, "second");
  CHECK(scene.daemon().wait_for_text(R"("event":"event.received")", kPatience));

  scene.daemon().signal(SIGUSR1);
  REQUIRE(scene.daemon().wait_for_text(R"("event":"log.level","to":"warn")", kPatience));
  const auto before = lines_at(scene, "debug");
  serve(scene, 1, "third");
  CHECK(lines_at(scene, "debug") == before);
  CHECK(scene.stop_daemon() == 0);
}
