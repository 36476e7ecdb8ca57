#include <algorithm>
#include <catch2/catch.hpp>
#include <csignal>

#include "scene.h"
#include "steps.h"

using namespace tether;
using namespace tether::test;

namespace {

constexpr int kGood = 0;
constexpr int kCouldNotStart = 1;
constexpr int kBadSettings = 2;

struct Ended {
  std::optional<int> status;
  std::vector<std::string> out;
  std::vector<std::string> err;
};

Ended run(const std::vector<std::string>& arguments, const std::map<std::string, std::string>& environment) {
  auto process = DaemonProcess::start({daemon_binary(), arguments, environment});
  REQUIRE(process);
  const auto status = (*process)->wait_for_exit(kPatience);
  return {status, (*process)->out(), (*process)->err()};
}

bool begins_with_one_of(const std::string& line, const std::vector<std::string>& names) {
  return std::ranges::any_of(names, [&line](const std::string& name) { return line.starts_with(name); });
}

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const auto& line : lines) text += line + "\n";
  return text;
}

}  // namespace

TEST_CASE("check-config prints the effective settings without the token and exits 0 [R1] [R3]") {
  const auto ended =
      run({"check-config"}, {{"TETHER_REGISTRATION_TOKEN", "planted-token-1234"}, {"TETHER_POLL_INTERVAL_S", "7"}});

  CHECK(ended.status == kGood);
  CHECK(ended.err.empty());
  const std::string out = joined(ended.out);
  CHECK(out.find("poll_interval_s: 7") != std::string::npos);
  CHECK(out.find("wss://localhost:8443/api/internal/v1/ws/gateways/connect") != std::string::npos);
  CHECK(out.find("planted-token-1234") == std::string::npos);
}

TEST_CASE("a mistyped variable is a mistake for check-config, and a warning at the start [R1]") {
  const auto ended = run({"check-config"}, {{"TETHER_POLL_INTERVAL", "planted-value"}});

  CHECK(ended.status == kBadSettings);
  CHECK(ended.out.empty());
  CHECK(joined(ended.err) == "TETHER_POLL_INTERVAL: no such setting, TETHER_POLL_INTERVAL_S is the closest\n");

  Scene scene;
  start_all(scene, {{"TETHER_LOG_LEVLE", "planted-value"}});
  const auto is_it = [](const std::string& line) {
    return line.find("settings.unknown_variable") != std::string::npos &&
           line.find("TETHER_LOG_LEVLE") != std::string::npos && line.find("\"TETHER_LOG_LEVEL\"") != std::string::npos;
  };
  CHECK(scene.daemon().wait_for_line(is_it, kPatience));
  CHECK(joined(scene.daemon().out()).find("planted-value") == std::string::npos);
}

TEST_CASE("every mistake is reported in one go, each line beginning with the setting's name [R1] [R11]") {
  const peers::TempDir folder;
  const std::string file = folder.write("tetherd.yaml",
                                        "control_plane:\n  full_list_every: 0\n  surprise: 1\n"
                                        "log:\n  level: loud\n");
  const std::map<std::string, std::string> environment = {
      {"TETHER_CONTROL_PLANE_URL", "wss//nowhere"},     {"TETHER_POLL_INTERVAL_S", "often"},
      {"TETHER_RECONNECT_INITIAL_MS", "5000"},          {"TETHER_RECONNECT_MAX_MS", "10"},
      {"TETHER_CONTROL_PLANE_ALLOW_PLAINTEXT", "yes"},  {"TETHER_ON_REJECTION", "sulk"},
      {"TETHER_REGISTRATION_TOKEN", "planted-token-1"}, {"TETHER_REGISTRATION_TOKEN_FILE", "/planted"},
      {"TETHER_DELETION_RELEASE_AFTER_S", "1"},
  };
  const std::vector<std::string> names = {
      "TETHER_CONTROL_PLANE_URL: ", "TETHER_POLL_INTERVAL_S: ",        "TETHER_RECONNECT_INITIAL_MS: ",
      "TETHER_ON_REJECTION: ",      "TETHER_REGISTRATION_TOKEN: ",     "TETHER_CONTROL_PLANE_ALLOW_PLAINTEXT: ",
      "control_plane.surprise (",   "control_plane.full_list_every (", "log.level ("};

  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"check-config", "--config", file}, std::vector<std::string>{"--config", file}}) {
    const auto ended = run(arguments, environment);

    CHECK(ended.status == kBadSettings);
    CHECK(ended.out.empty());
    for (const std::string& name : names) {
      CAPTURE(name, joined(ended.err));
      CHECK(std::ranges::any_of(ended.err, [&name](const std::string& line) { return line.starts_with(name); }));
    }
    for (const std::string& line : ended.err) {
      CAPTURE(line);
      CHECK(begins_with_one_of(line, names));
    }
    CHECK(joined(ended.err).find("planted-token-1") == std::string::npos);
    CHECK(joined(ended.err).find(file + ":2)") != std::string::npos);
  }
}

TEST_CASE("plain ws to anything but loopback is a settings error") {
  const auto ended = run({"check-config"}, {{"TETHER_CONTROL_PLANE_URL", "ws://control.example.com"}});

  CHECK(ended.status == kBadSettings);
  REQUIRE(ended.err.size() == 1);
  CHECK(ended.err.front().starts_with("TETHER_CONTROL_PLANE_URL: "));
}

TEST_CASE("a settings file that is missing and a command that is unknown exit 2") {
  CHECK(run({"check-config", "--config", "/nowhere/tetherd.yaml"}, {}).status == kBadSettings);
  CHECK(run({}, {{"TETHER_CONFIG", "/nowhere/tetherd.yaml"}}).status == kBadSettings);
  CHECK(run({"dance"}, {}).status == kBadSettings);
  CHECK(run({"--version"}, {}).status == kGood);
}

TEST_CASE("a command line that cannot be read is told by the word that is wrong") {
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{"dance"}, "tetherd: tetherd has no sub-command dance. "},
      {{"db", "dance"}, "tetherd: tetherd db has no sub-command dance. "},
      {{"db"}, "tetherd: tetherd db needs a sub-command. "},
      {{"db", "backup"}, "tetherd: FILE is required. "},
      {{"status", "--loud"}, "tetherd: tetherd status has no option --loud. "},
      {{"status", "more"}, "tetherd: tetherd status does not expect more. "},
      {{"events", "--count", "-1"}, "tetherd: --count: "},
      {{"resources", "--state", "gone"}, "tetherd: --state: gone not in {in-service,"}};
  for (const auto& [arguments, begins] : cases) {
    CAPTURE(begins);
    const auto ended = run(arguments, {});
    CHECK(ended.status == kBadSettings);
    REQUIRE(ended.err.size() == 1);
    CHECK(ended.err.front().substr(0, begins.size()) == begins);
  }
}

TEST_CASE("health and doctor exit 1 on a command line that cannot be read: a container's check reserves 2") {
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"health", "--bogus"}, std::vector<std::string>{"doctor", "more"}}) {
    CAPTURE(arguments.front());
    const auto ended = run(arguments, {});
    CHECK(ended.status == kCouldNotStart);
    REQUIRE(ended.err.size() == 1);
    CHECK(ended.err.front().starts_with("tetherd: tetherd " + arguments.front()));
  }
}

TEST_CASE("what cannot be written to the output is a failure, and not taken for shown") {
  const std::string command = daemon_binary() + " check-config >/dev/full";
  auto process = DaemonProcess::start({"/bin/sh", {"-c", command}, {}});
  REQUIRE(process);
  CHECK((*process)->wait_for_exit(kPatience) == kCouldNotStart);
  CHECK(joined((*process)->err()) == "tetherd: cannot write its output: No space left on device\n");
}

TEST_CASE("a second daemon on the same state folder is refused by name, and the first goes on") {
  Scene scene;
  scene.start_daemon({{"TETHER_REGISTRATION_TOKEN", ""}});
  REQUIRE(scene.wait_for([](const nlohmann::json& status) { return status.is_object(); }).is_object());

  const auto second = run({}, {{"TETHER_STATE_DIR", scene.file("state")},
                               {"TETHER_GATEWAY_SOCKET", scene.file("gateway.sock")},
                               {"TETHER_ADMIN_LISTEN", "127.0.0.1:0"}});

  CHECK(second.status == kCouldNotStart);
  REQUIRE(second.err.size() == 1);
  CHECK(second.err.front().find(scene.file("state")) != std::string::npos);
  CHECK(scene.daemon().is_running());
  CHECK(scene.stop_daemon() == kGood);
}

TEST_CASE("an admin address that is taken is told in one sentence, exit 1") {
  Scene scene;
  scene.start_daemon({{"TETHER_REGISTRATION_TOKEN", ""}});
  REQUIRE(scene.wait_for([](const nlohmann::json& status) { return status.is_object(); }).is_object());

  const auto second = run({}, {{"TETHER_STATE_DIR", scene.file("other-state")},
                               {"TETHER_GATEWAY_SOCKET", scene.file("gateway.sock")},
                               {"TETHER_ADMIN_LISTEN", scene.admin()}});

  CHECK(second.status == kCouldNotStart);
  REQUIRE(second.err.size() == 1);
  CHECK(second.err.front().find("admin.listen") != std::string::npos);
  CHECK(second.err.front().find(scene.admin()) != std::string::npos);
}
