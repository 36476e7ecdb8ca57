#pragma once

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "tether/peers/admin_client.h"
#include "tether/peers/control_plane.h"
#include "tether/peers/daemon_process.h"
#include "tether/peers/gateway.h"
#include "tether/peers/temp_dir.h"
#include "tether/peers/test_ca.h"

namespace tether::test {

using peers::ControlPlane;
using peers::DaemonProcess;
using peers::Gateway;

/// For what must come: such waits end as soon as it does. Longer than two of the daemon's own minutes, after which it
/// tries again what was refused or was not answered; a busy machine and sanitizers slow everything down several times.
inline constexpr Duration kPatience = 180s;

/// The program under test.
std::string daemon_binary();

/// A control plane over TLS, a gateway and the real daemon between them, in a folder of their own. Parts are started by
/// the test in the order that it wants; what runs is killed with the scene.
class Scene {
 public:
  /// `certificate_hours`: for how long the control plane's certificate is valid.
  explicit Scene(int certificate_hours = peers::kTestCertificateHours);
  /// Checks that neither stand-in saw the daemon break a rule.
  ~Scene();
  Scene(const Scene&) = delete;
  Scene& operator=(const Scene&) = delete;

  /// Rows never time out there unless a test sweeps: what a slow machine acknowledges late is acknowledged all the
  /// same.
  void start_control_plane();
  void start_gateway();
  /// With the settings of a quick test (back-off from 50 ms, gateway looked at each second), `settings` on top; an
  /// empty value takes one away.
  void start_daemon(std::map<std::string, std::string> settings = {}, bool full_disk = false);
  /// SIGTERM, and its exit status.
  std::optional<int> stop_daemon();
  void kill_daemon();

  ControlPlane& control_plane() { return *control_plane_; }
  Gateway& gateway() { return *gateway_; }
  DaemonProcess& daemon() { return *daemon_; }
  const std::string& admin() const { return admin_; }
  const std::string& ca_file() const { return ca_.ca_file; }
  std::string file(const std::string& name) const { return folder_.file(name); }
  const peers::TempDir& folder() const { return folder_; }

  nlohmann::json status() const { return peers::admin_status(admin_); }
  /// The status once `holds`, or null with a failed check that shows the last one.
  nlohmann::json wait_for(const std::function<bool(const nlohmann::json&)>& holds, Duration limit = kPatience);
  /// `in_sync` at the top level.
  nlohmann::json wait_until_in_sync(Duration limit = kPatience);
  /// Whether the gateway comes to serve exactly these deployments (artifact id to deployment id).
  bool gateway_comes_to_serve(const std::map<std::string, std::string>& wanted, Duration limit = kPatience);
  /// What the control plane wants deployed, by its own database.
  std::map<std::string, std::string> desired();
  /// The value of one series of `/metrics`, for example `tetherd_events_received_total{type="api.deployed"}`.
  double metric(const std::string& series) const;

  /// Rules broken on purpose in a test, which are not to be held against the daemon at its end.
  void forgive_violations() { forgiving_ = true; }

 private:
  peers::TempDir folder_;
  peers::TestCaFiles ca_;
  std::string admin_;
  std::unique_ptr<ControlPlane> control_plane_;
  std::unique_ptr<Gateway> gateway_;
  std::unique_ptr<DaemonProcess> daemon_;
  bool forgiving_ = false;
};

}  // namespace tether::test
