#include <catch2/catch.hpp>
#include <csignal>

#include "commands.h"
#include "steps.h"

using namespace tether;
using namespace tether::test;
using nlohmann::json;

TEST_CASE("tetherd status says that all is well, and what to do once it is not [R14] [R29]") {
  Scene scene;
  start_all(scene, {{"TETHER_RECONNECT_INITIAL_MS", "600000"}, {"TETHER_RECONNECT_MAX_MS", "600000"}});
  serve(scene, 2);
  scene.wait_until_in_sync();

  const Ended well = run_command(scene, {"status"});
  CHECK(well.status == kDone);
  CHECK(well.err.empty());
  CHECK(has(well.out, "all is well: everything wanted is in service\n"));
  CHECK(has(well.out, "control plane   connected for "));
  CHECK(has(well.out, "gateway id " + scene.control_plane().gateway_id()));
  CHECK(has(well.out, ": 2 RestApi\n"));

  scene.control_plane().kill();
  REQUIRE(scene.wait_for([](const json& seen) { return seen["control_plane"]["looking_out"] == true; }).is_object());
  const Ended away = run_command(scene, {"status"});
  CHECK(away.status == kNotDone);
  CHECK(has(away.out, "! The link to the control plane is lost"));
  CHECK(has(away.out, ", or sooner: the daemon looks out for the way back"));
  CHECK(has(away.out,
            "  > `tetherd doctor` shows which step fails on the way to " + scene.control_plane().websocket_url()));
  CHECK(away.out.find('\x1b') == std::string::npos);

  const Ended document = run_command(scene, {"status", "--json"});
  CHECK(document.status == kNotDone);
  CHECK(json::parse(document.out)["control_plane"]["state"] == "reconnecting");
}

TEST_CASE("tetherd status says that the control plane's certificate ends soon, and that all else is well") {
  Scene scene(/*certificate_hours=*/24);
  start_all(scene);

  const Ended ended = run_command(scene, {"status"});

  CHECK(ended.status == kNotDone);
  CHECK(has(ended.out, ": 1 thing is not as it should be\n"));
  CHECK(has(ended.out, "! The control plane's certificate ends soon: "));
}

TEST_CASE("tetherd status without a daemon, or with a wrong command line, says so by its exit status") {
  Scene scene;

  const Ended nobody = run_command(scene, {"status"});
  CHECK(nobody.status == kNotDone);
  CHECK(nobody.out.empty());
  CHECK(has(nobody.err, "tetherd: the daemon does not answer: " + scene.admin() + ": "));

  CHECK(run_command(scene, {"status", "--colour"}).status == kNotAsked);
}

TEST_CASE("tetherd health tells alive from ready, and nobody there from both [R14]") {
  Scene scene;
  CHECK(run_command(scene, {"health"}).status == kNotDone);
  CHECK(run_command(scene, {"health"}, {{"TETHER_POLL_INTERVAL_S", "soon"}}).status == kNotDone);
  scene.start_control_plane();
  scene.start_daemon();
  REQUIRE(wait_for_answer(scene, "/livez", 200));

  const Ended alive = run_command(scene, {"health"});
  CHECK(alive.status == kDone);
  CHECK(alive.out == "alive\n");
  const Ended not_ready = run_command(scene, {"health", "--ready"});
  CHECK(not_ready.status == kNotDone);
  CHECK(has(not_ready.err, "tetherd: not ready: the gateway has not answered a push: it is "));

  scene.start_gateway();
  REQUIRE(wait_for_answer(scene, "/readyz", 200));
  CHECK(run_command(scene, {"health", "--ready"}).status == kDone);
}

TEST_CASE("tetherd status has colours on a terminal, but for who wants none") {
  Scene scene;
  start_all(scene);

  const auto coloured = end_of(*start_at_terminal(scene, "status", {{"TERM", "xterm"}}));
  CHECK(coloured.status == kDone);
  CHECK(has(coloured.out, "\x1b[1mtetherd "));

  const auto plain = end_of(*start_at_terminal(scene, "status", {{"TERM", "xterm"}, {"NO_COLOR", "1"}}));
  CHECK(plain.status == kDone);
  CHECK(has(plain.out, "all is well"));
  CHECK(plain.out.find('\x1b') == std::string::npos);
}

TEST_CASE("tetherd status --watch shows what changes, and ends at Ctrl-C") {
  Scene scene;
  start_all(scene);
  const auto watching = start_command(scene, {"status", "--watch"});
  REQUIRE(watching->wait_for_text("all is well", kPatience));

  scene.gateway().stop();

  CHECK(watching->wait_for_text("! The gateway is away", kPatience));
  watching->signal(SIGINT);
  const Ended ended = end_of(*watching);
  CHECK(ended.status == kDone);
  CHECK(ended.err.empty());
}

TEST_CASE("tetherd status --watch draws in one place on a terminal") {
  Scene scene;
  start_all(scene);
  const auto watching = start_at_terminal(scene, "status --watch", {{"TERM", "xterm"}, {"NO_COLOR", "1"}});

  scene.gateway().stop();

  CHECK(watching->wait_for_text("\x1b[Htetherd ", kPatience));
  CHECK(watching->wait_for_text("! The gateway is away", kPatience));
}
