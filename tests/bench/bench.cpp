#include "bench.h"

#include <sstream>

#include "tether/peers/admin_client.h"

namespace tether::bench {

Result<Done> prepare(Bench& bench) {
  bench.ca = peers::write_test_ca(bench.folder.path().string());
  peers::ControlPlaneOptions options;
  options.certificate_file = bench.ca.certificate_file;
  options.key_file = bench.ca.key_file;
  auto control_plane = peers::ControlPlane::start(std::move(options));
  if (!control_plane) return wrap("control plane", control_plane.error());
  bench.control_plane = std::move(*control_plane);
  peers::GatewayOptions gateway_options;
  gateway_options.socket_path = bench.folder.file("gateway.sock");
  auto gateway = peers::Gateway::start(std::move(gateway_options));
  if (!gateway) return wrap("gateway", gateway.error());
  bench.gateway = std::move(*gateway);
  bench.admin = "127.0.0.1:" + std::to_string(peers::free_port());
  return Done{};
}

Result<std::unique_ptr<peers::DaemonProcess>> start_daemon(const Bench& bench, const std::string& program) {
  peers::ProcessOptions options;
  options.program = program;
  options.environment = {{"TETHER_CONTROL_PLANE_URL", bench.control_plane->websocket_url()},
                         {"TETHER_CONTROL_PLANE_CA_FILE", bench.ca.ca_file},
                         {"TETHER_REGISTRATION_TOKEN", bench.control_plane->token()},
                         {"TETHER_STATE_DIR", bench.folder.file("state")},
                         {"TETHER_GATEWAY_SOCKET", bench.gateway->socket_path()},
                         {"TETHER_ADMIN_LISTEN", bench.admin}};
  return peers::DaemonProcess::start(options);
}

/// Whether the gateway has answered for `count` resources within the limit.
bool wait_for_resources(const peers::Gateway& gateway, std::size_t count) {
  return gateway.wait_until(
      [count](const peers::GatewayView& view) { return view.config.epoch && view.config.resources.size() == count; },
      kLimit);
}

bool wait_until_in_sync(const Bench& bench) {
  const auto in_sync = [](const nlohmann::json& status) { return status.value("in_sync", false); };
  return peers::wait_for_status(bench.admin, in_sync, kLimit).has_value();
}

double metric(const Bench& bench, const std::string& series) {
  std::istringstream lines(peers::admin_get(bench.admin, "/metrics").body);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(series + " ")) return std::stod(line.substr(series.size() + 1));
  }
  return -1;
}

}  // namespace tether::bench
