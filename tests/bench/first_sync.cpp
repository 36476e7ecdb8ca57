#include "first_sync.h"

#include <csignal>
#include <fstream>
#include <memory>
#include <string>

#include "tether/peers/admin_client.h"
#include "tether/peers/control_plane.h"
#include "tether/peers/daemon_process.h"
#include "tether/peers/gateway.h"
#include "tether/peers/temp_dir.h"
#include "tether/peers/test_ca.h"

namespace tether::bench {

namespace {

constexpr Duration kLimit = 5min;

/// The folder, the peers and the daemon's environment of one run.
struct Bench {
  peers::TempDir folder;
  peers::TestCaFiles ca;
  std::unique_ptr<peers::ControlPlane> control_plane;
  std::unique_ptr<peers::Gateway> gateway;
  std::string admin;
};

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

std::uint64_t private_dirty_kb(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/smaps_rollup");
  for (std::string word; file >> word;) {
    std::uint64_t kb = 0;
    if (word == "Private_Dirty:" && file >> kb) return kb;
  }
  return 0;
}

}  // namespace

Result<FirstSync> measure_first_sync(const std::string& program, std::size_t resources) {
  Bench bench;
  const auto prepared = prepare(bench);
  if (!prepared) return wrap("bench", prepared.error());
  bench.control_plane->bulk_deploy("RestApi", resources);
  FirstSync result;
  result.resources = resources;

  const TimePoint started = Clock::now();
  auto daemon = start_daemon(bench, program);
  if (!daemon) return wrap("tetherd", daemon.error());
  if (!wait_for_resources(*bench.gateway, resources)) return fail(ErrorKind::Retry, "the first sync took too long");
  result.sync = Clock::now() - started;
  const auto settled = peers::wait_for_status(
      bench.admin, [](const nlohmann::json& status) { return status.value("in_sync", false); }, kLimit);
  if (!settled) return fail(ErrorKind::Retry, "it did not say that it is in sync");
  const peers::Memory memory = (*daemon)->memory();
  result.peak_rss_kb = memory.peak_rss_kb;
  result.rss_kb = memory.rss_kb;
  result.private_dirty_kb = private_dirty_kb((*daemon)->pid());
  (*daemon)->signal(SIGTERM);
  if ((*daemon)->wait_for_exit() != 0) return fail(ErrorKind::Retry, "it did not stop as asked");

  bench.control_plane->kill();
  const auto emptied = bench.gateway->come_back(/*empty=*/true);
  if (!emptied) return wrap("gateway", emptied.error());
  const TimePoint restarted = Clock::now();
  daemon = start_daemon(bench, program);
  if (!daemon) return wrap("tetherd", daemon.error());
  if (!wait_for_resources(*bench.gateway, resources)) return fail(ErrorKind::Retry, "the store was not served");
  result.from_store = Clock::now() - restarted;
  return result;
}

}  // namespace tether::bench
