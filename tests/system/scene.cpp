#include "scene.h"

#include <catch2/catch.hpp>
#include <csignal>
#include <sstream>

namespace tether::test {
namespace {

constexpr const char* kToken = "registration-token-0123456789";

bool is_artifact(const nlohmann::json& line) {
  return line.contains("deploymentId");
}

/// Below the ports that the kernel gives to connections, so that no other takes it while the control plane is killed.
Result<std::unique_ptr<ControlPlane>> start_on_a_free_port(peers::ControlPlaneOptions options) {
  constexpr int kAttempts = 10;
  for (int attempt = 1;; ++attempt) {
    options.port = peers::free_port();
    auto started = ControlPlane::start(options);
    if (started || attempt == kAttempts) return started;
  }
}

}  // namespace

std::string daemon_binary() {
  return TETHERD_BINARY;
}

Scene::Scene(int certificate_hours)
    : ca_(peers::write_test_ca(folder_.path().string(), certificate_hours)),
      admin_("127.0.0.1:" + std::to_string(peers::free_port())) {}

Scene::~Scene() {
  daemon_.reset();
  if (forgiving_) return;
  if (control_plane_) {
    for (const auto& violation : control_plane_->violations()) FAIL_CHECK("control plane: " << violation);
  }
  if (gateway_) {
    for (const auto& violation : gateway_->violations()) FAIL_CHECK("gateway: " << violation);
  }
}

void Scene::start_control_plane() {
  peers::ControlPlaneOptions options;
  options.certificate_file = ca_.certificate_file;
  options.key_file = ca_.key_file;
  options.tokens = {kToken};
  auto started = start_on_a_free_port(options);
  REQUIRE(started);
  control_plane_ = std::move(*started);
  control_plane_->change_faults([](peers::Faults& faults) { faults.deploy_timeout_ms = 3'600'000; });
}

void Scene::start_gateway() {
  auto started = Gateway::start({file("gateway.sock"), {}});
  REQUIRE(started);
  gateway_ = std::move(*started);
}

void Scene::start_daemon(std::map<std::string, std::string> settings, bool full_disk) {
  std::map<std::string, std::string> environment = {
      {"TETHER_REGISTRATION_TOKEN", kToken},
      {"TETHER_CONTROL_PLANE_CA_FILE", ca_.ca_file},
      {"TETHER_STATE_DIR", file("state")},
      {"TETHER_GATEWAY_SOCKET", file("gateway.sock")},
      {"TETHER_GATEWAY_CHECK_INTERVAL_S", "1"},
      {"TETHER_RECONNECT_INITIAL_MS", "50"},
      {"TETHER_RECONNECT_MAX_MS", "1000"},
      {"TETHER_ADMIN_LISTEN", admin_},
      {"TETHER_LOG_LEVEL", "debug"},
  };
  if (control_plane_) environment["TETHER_CONTROL_PLANE_URL"] = control_plane_->websocket_url();
  for (auto& [name, value] : settings) environment[name] = value;
  std::erase_if(environment, [](const auto& setting) { return setting.second.empty(); });
  auto started = DaemonProcess::start({daemon_binary(), {}, environment, full_disk});
  REQUIRE(started);
  daemon_ = std::move(*started);
}

std::optional<int> Scene::stop_daemon() {
  daemon_->signal(SIGTERM);
  return daemon_->wait_for_exit(kPatience);
}

void Scene::kill_daemon() {
  daemon_->signal(SIGKILL);
  REQUIRE(daemon_->wait_for_exit(kPatience));
}

nlohmann::json Scene::wait_for(const std::function<bool(const nlohmann::json&)>& holds, Duration limit) {
  const auto status = peers::wait_for_status(admin_, holds, limit);
  if (status) return *status;
  FAIL_CHECK("the status never came to be as awaited; the last one:\n" << this->status().dump(2));
  return nullptr;
}

nlohmann::json Scene::wait_until_in_sync(Duration limit) {
  return wait_for([](const nlohmann::json& status) { return status.value("in_sync", false); }, limit);
}

bool Scene::gateway_comes_to_serve(const std::map<std::string, std::string>& wanted, Duration limit) {
  const auto serves = [&wanted](const peers::GatewayView& view) {
    std::map<std::string, std::string> served;
    for (const auto& [key, text] : view.config.resources) {
      const auto line = nlohmann::json::parse(text);
      if (is_artifact(line)) served[line["id"]] = line["deploymentId"];
    }
    return served == wanted;
  };
  return gateway_->wait_until(serves, limit);
}

std::map<std::string, std::string> Scene::desired() {
  return control_plane_->change([](peers::Desire& desire) {
    std::map<std::string, std::string> wanted;
    for (const auto& [artifact, row] : desire.rows()) {
      if (row.wanted) wanted[artifact] = row.deployment_id;
    }
    return wanted;
  });
}

double Scene::metric(const std::string& series) const {
  std::istringstream lines(peers::admin_get(admin_, "/metrics").body);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(series + " ")) return std::stod(line.substr(series.size() + 1));
  }
  return -1;
}

}  // namespace tether::test
