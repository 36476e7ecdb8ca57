#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "tether/base/result.h"
#include "tether/base/time.h"
#include "tether/peers/daemon_process.h"
#include "tether/peers/temp_dir.h"
#include "tether/peers/test_ca.h"

namespace tether::demo {

using nlohmann::json;

/// What must not be seen anywhere: planted by the demo, looked for at its end.
inline constexpr const char* kToken = "demo-registration-token-q7JxV0aWm3cN5tYb8LsE";
inline constexpr const char* kSecretValue = "demo-secret-value-8d1f0c";
inline constexpr const char* kSubscriptionToken = "demo-subscription-token-51aa9e";

/// Asks again and again until `holds`; false: the limit is over, or somebody wants the demo to stop.
bool wait_until(const std::function<bool()>& holds, Duration limit = 20s);

/// True once SIGINT or SIGTERM came; `watch_for_stop` is called first.
void watch_for_stop();
bool is_stopped();

/// A call of a stand-in's control port. Null: nobody answered, or it was refused (said on standard error).
json ask(const std::string& address, const std::string& path);
json tell(const std::string& address, const std::string& path, const json& body = json::object());

/// The three processes, their folder and their addresses. The control plane and the gateway can be killed and
/// started again; ports and files stay.
class Stage {
 public:
  /// `programs`: the folder with the three programs.
  explicit Stage(std::string programs);

  /// On `port`, or on the one it had before if 0.
  Result<Done> start_control_plane(std::uint16_t port = 0);
  Result<Done> start_gateway();
  Result<Done> start_tetherd();
  void kill_control_plane();
  void kill_gateway();

  peers::DaemonProcess& gateway() { return *gateway_; }
  peers::DaemonProcess& tetherd() { return *tetherd_; }
  const std::string& url() const { return url_; }
  const std::string& control() const { return control_; }  ///< The control plane's control port.
  const std::string& gateway_control() const { return gateway_control_; }
  const std::string& admin() const { return admin_; }
  const std::string& socket() const { return socket_; }
  std::string folder() const { return folder_.path().string(); }
  std::uint16_t port() const { return port_; }

  json status() const;  ///< tetherd's; null: nobody answered.
  /// The control plane's row for a handle; null: none.
  json deployment(const std::string& handle) const;

 private:
  std::string program(const std::string& name) const { return programs_ + "/" + name; }

  std::string programs_;
  peers::TempDir folder_;
  peers::TestCaFiles ca_;
  std::string socket_;
  std::string admin_;
  std::uint16_t port_;
  std::string url_;
  std::string control_;
  std::string gateway_control_;
  std::unique_ptr<peers::DaemonProcess> control_plane_;
  std::unique_ptr<peers::DaemonProcess> gateway_;
  std::unique_ptr<peers::DaemonProcess> tetherd_;
};

}  // namespace tether::demo
