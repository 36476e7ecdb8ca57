#include "world.h"

#include <poll.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "desired.h"
#include "tether/peers/admin_client.h"

namespace tether::test {
namespace {

namespace fs = std::filesystem;

constexpr const char* kToken = "registration-token-0123456789";
constexpr int kLookEveryMs = 3;
constexpr int kAway = 503;
constexpr std::int64_t kPassedMs = 5'000;
constexpr std::int64_t kNoTimeoutMs = 3'600'000;

bool is_settled(const peers::StatusRow& row) {
  return row.status == (row.wanted ? peers::Status::Deployed : peers::Status::Undeployed);
}

/// The artifact that a line is, or belongs to; empty: none.
std::string artifact_of(const peers::ResourceKey& key, const std::string& text) {
  const auto line = nlohmann::json::parse(text);
  if (line.contains("deploymentId")) return key.second;
  const auto& data = line["data"];
  for (const char* name : {"artifactUuid", "apiId", "artifactId"}) {
    if (data.contains(name) && data[name].is_string()) return data[name];
  }
  return {};
}

}  // namespace

World::World() : admin_("127.0.0.1:" + std::to_string(peers::free_port())) {
  peers::ControlPlaneOptions options;
  options.tokens = {kToken};
  options.on_journal = [this](const peers::JournalEntry& entry) { witness_.on_journal(entry); };
  auto control_plane = peers::ControlPlane::start(std::move(options));
  REQUIRE(control_plane);
  control_plane_ = std::move(*control_plane);
  control_plane_->change_faults([](peers::Faults& faults) {
    faults.deploy_timeout_ms = kNoTimeoutMs;
    faults.rate_limit_per_min = 1'000'000;
  });
  fs::create_directory(file("gateway"));  // of its own: a socket's folder is watched
  auto gateway = peers::Gateway::start(
      {file("gateway/gateway.sock"), [this](const peers::GatewayRequest& request) { witness_.on_request(request); }});
  REQUIRE(gateway);
  gateway_ = std::move(*gateway);
}

void World::let_time_pass() {
  control_plane_->change_faults([](peers::Faults& faults) { faults.clock_offset_ms += kPassedMs; });
}

void World::start_daemon(const std::optional<Cut>& cut) {
  std::map<std::string, std::string> environment = {
      {"TETHER_CONTROL_PLANE_URL", control_plane_->websocket_url("127.0.0.1")},
      {"TETHER_REGISTRATION_TOKEN", kToken},
      {"TETHER_STATE_DIR", file("state")},
      {"TETHER_GATEWAY_SOCKET", gateway_->socket_path()},
      {"TETHER_GATEWAY_CHECK_INTERVAL_S", "1"},
      {"TETHER_POLL_INTERVAL_S", "5"},
      {"TETHER_RECONNECT_INITIAL_MS", "5"},
      {"TETHER_RECONNECT_MAX_MS", "50"},
      {"TETHER_ADMIN_LISTEN", admin_},
      {"TETHER_LOG_LEVEL", "debug"},
  };
  for (const auto& [name, value] : settings_) environment[name] = value;
  fs::remove(file("report"));
  fs::remove(file("armed"));
  fs::remove_all(file("left"));
  if (cut) {
    environment["LD_PRELOAD"] = TETHER_CUTTER;
    environment["TETHER_CUT_FOLDER"] = file("state");
    environment["TETHER_CUT_AT"] = std::to_string(cut->at);
    environment["TETHER_CUT_HOW"] = cut->how;
    environment["TETHER_CUT_REPORT"] = file("report");
    environment["TETHER_CUT_LEFT"] = file("left");
    environment["TETHER_CUT_SEED"] = std::to_string(cut->seed);
    if (cut->waits_for_arming) environment["TETHER_CUT_WHEN"] = file("armed");
  }
  auto started = peers::DaemonProcess::start({TETHERD_BINARY, {}, environment});
  REQUIRE(started);
  daemon_ = std::move(*started);
}

void World::arm() {
  std::ofstream(file("armed")) << "now\n";
}

void World::kill_daemon() {
  daemon_->signal(SIGKILL);
  REQUIRE(daemon_->wait_for_exit(kPatience));
}

bool World::stop_daemon() {
  daemon_->signal(SIGTERM);
  return daemon_->wait_for_exit(kPatience) == 0;
}

void World::take_what_is_left() {
  fs::remove_all(file("state"));
  if (fs::exists(file("left"))) fs::rename(file("left"), file("state"));
}

std::string World::cut_at() const {
  std::ifstream report(file("report"));
  std::string line;
  std::getline(report, line);
  return line;
}

bool World::comes_to(const std::function<bool()>& holds, Duration limit) {
  const TimePoint deadline = Clock::now() + limit;
  while (!holds()) {
    if (!daemon_->is_running() || Clock::now() > deadline) return false;
    ::poll(nullptr, 0, kLookEveryMs);
  }
  return true;
}

bool World::is_acknowledged(const std::string& artifact_id) {
  return control_plane_->change(
      [&artifact_id](peers::Desire& desire) { return is_settled(desire.rows().at(artifact_id)); });
}

bool World::agrees() {
  return differences().empty();
}

nlohmann::json World::status() {
  return peers::admin_status(admin_);
}

bool World::is_ready() {
  return peers::admin_get(admin_, "/readyz").status == 200;
}

bool World::is_in_sync() {
  const auto now = status();
  return now.is_object() && now.value("in_sync", false);
}

bool World::is_connected() {
  const auto now = status();
  return now.is_object() && now["control_plane"]["state"] == "connected";
}

void World::run_command(const std::string& name) {
  auto command = peers::DaemonProcess::start({TETHERD_BINARY, {name, "--yes"}, {{"TETHER_ADMIN_LISTEN", admin_}}});
  REQUIRE(command);
  if ((*command)->wait_for_exit(kPatience)) return;
  FAIL_CHECK(name << " did not end: " << (*command)->all_output() << "\n" << status().dump());
}

void World::restart_gateway(bool empty) {
  gateway_->stop();
  if (empty) witness_.on_gateway_emptied();
  REQUIRE(gateway_->come_back(empty));
}

void World::close_control_plane(bool closed) {
  control_plane_->change_faults([closed](peers::Faults& faults) { faults.dial_status = closed ? kAway : 0; });
}

std::vector<std::string> World::missing_of(const std::map<peers::ResourceKey, std::string>& before) {
  const auto now = gateway_->resources();
  const auto desired = desired_by(*control_plane_);
  std::vector<std::string> missing;
  bool artifacts_left = false;
  for (const auto& [key, text] : before) {
    if (now.contains(key)) continue;
    const std::string artifact = artifact_of(key, text);
    const bool left = !artifact.empty() && witness_.may_be_missing(artifact);
    artifacts_left = artifacts_left || left;
    if (left || (artifact != key.second && !desired.contains(key))) continue;
    missing.push_back(key.first + " " + key.second + " was served before the daemon ended, and is no more");
  }
  // Secrets go with the last that refers to them.
  if (artifacts_left) std::erase_if(missing, [](const std::string& text) { return text.starts_with("Secret "); });
  return missing;
}

std::vector<std::string> World::violations() {
  auto all = witness_.violations();
  for (const auto& sentence : control_plane_->violations()) all.push_back("control plane: " + sentence);
  for (const auto& sentence : gateway_->violations()) all.push_back("gateway: " + sentence);
  if (may_set_aside_) return all;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(file("state"), error)) {
    const std::string name = entry.path().filename();
    if (name.find("damaged") != std::string::npos) all.push_back("the database was set aside as " + name);
  }
  return all;
}

std::vector<std::string> World::differences() {
  auto all = differences_between(desired_by(*control_plane_), held_by(*gateway_));
  control_plane_->change([&all](peers::Desire& desire) {
    for (const auto& [id, row] : desire.rows()) {
      if (!is_settled(row)) all.push_back(id + " is " + std::string(peers::text_of(row.status)) + " there");
    }
  });
  return all;
}

}  // namespace tether::test
