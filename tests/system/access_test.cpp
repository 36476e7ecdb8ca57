#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>

#include "commands.h"
#include "steps.h"

using namespace tether;
using namespace tether::test;

namespace {

DaemonProcess& start(Scene& scene, const std::map<std::string, std::string>& settings) {
  scene.start_daemon(settings);
  return scene.daemon();
}

/// `tetherd NAME` with these settings, and what it says.
std::string said_by(const std::string& name, const std::map<std::string, std::string>& settings, int& status) {
  auto command = DaemonProcess::start({daemon_binary(), {name}, settings});
  REQUIRE(command);
  status = (*command)->wait_for_exit(kPatience).value_or(-1);
  return (*command)->all_output();
}

}  // namespace

TEST_CASE("the admin endpoint over a Unix socket serves the sub-commands of the same settings") {
  Scene scene;
  scene.start_control_plane();
  scene.start_gateway();
  const std::map<std::string, std::string> settings = {{"TETHER_ADMIN_LISTEN", "unix:" + scene.file("admin.sock")}};

  const auto started = start(scene, settings).wait_for_text("daemon.started", kPatience);
  REQUIRE(started);
  CHECK(has(*started, "unix:" + scene.file("admin.sock")));

  int status = -1;
  CHECK(has(said_by("health", settings, status), "alive"));
  CHECK(status == 0);
  CHECK(said_by("resources", settings, status) == "0 resources\n");
  CHECK(said_by("events", settings, status) == "no event has come since the daemon's start\n");
  CHECK(scene.stop_daemon() == 0);
  CHECK_FALSE(std::filesystem::exists(scene.file("admin.sock")));
}

TEST_CASE("bound elsewhere than to this machine, the daemon asks for its token, and has it in no output") {
  Scene scene;
  scene.start_control_plane();
  scene.start_gateway();
  const std::string token = "an-admin-token-0123456789";
  const std::string file = scene.folder().write("admin-token", token);
  ::chmod(file.c_str(), 0600);
  const std::string listen = "0.0.0.0" + scene.admin().substr(scene.admin().rfind(':'));
  const std::map<std::string, std::string> settings = {{"TETHER_ADMIN_LISTEN", listen},
                                                       {"TETHER_ADMIN_TOKEN_FILE", file}};

  REQUIRE(start(scene, settings).wait_for_text("daemon.started", kPatience));

  CHECK(peers::admin_get(scene.admin(), "/livez").status == 200);
  CHECK(peers::admin_get(scene.admin(), "/status").status == 401);
  CHECK(peers::admin_get(scene.admin(), "/metrics").status == 401);
  int status = -1;
  CHECK(has(said_by("status", settings, status), "control plane"));
  CHECK(has(said_by("status", {{"TETHER_ADMIN_LISTEN", scene.admin()}}, status), "admin.token_file"));
  CHECK(status == 1);
  // Nor if somebody quotes it.
  scene.gateway().change_faults([&token](peers::GatewayFaults& faults) {
    faults.status = 500;
    faults.error = "somebody sent " + token;
  });
  scene.control_plane().deploy("RestApi", "petstore");
  CHECK(scene.daemon().wait_for_text("somebody sent ", kPatience));
  CHECK(scene.daemon().all_output().find(token) == std::string::npos);
  CHECK(said_by("status", settings, status).find(token) == std::string::npos);
}

TEST_CASE("without a token the daemon refuses to be bound elsewhere than to this machine") {
  Scene scene;

  const auto refused = start(scene, {{"TETHER_ADMIN_LISTEN", "0.0.0.0:0"}}).wait_for_exit(kPatience);

  CHECK(refused == 2);
  CHECK(has(scene.daemon().all_output(), "TETHER_ADMIN_LISTEN: holds \"0.0.0.0:0\", should be a loopback address"));
}

TEST_CASE("an IPv6 address that the daemon listens on, or cannot, is told in brackets") {
  Scene scene;
  CHECK(start(scene, {{"TETHER_ADMIN_LISTEN", "[::1]:0"}}).wait_for_text("[::1]:", kPatience));
}

TEST_CASE("the daemon leaves no core dump") {
  Scene scene;
  REQUIRE(start(scene, {}).wait_for_text("daemon.started", kPatience));

  std::ifstream limits("/proc/" + std::to_string(scene.daemon().pid()) + "/limits");
  const std::string all{std::istreambuf_iterator<char>(limits), {}};
  CHECK(std::regex_search(all, std::regex("Max core file size +0 +0 ")));
}
