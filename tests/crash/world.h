#pragma once

#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "tether/peers/control_plane.h"
#include "tether/peers/daemon_process.h"
#include "tether/peers/gateway.h"
#include "tether/peers/temp_dir.h"
#include "witness.h"

namespace tether::test {

/// Where a daemon is to be ended, see cutter.cpp.
struct Cut {
  std::string how;  ///< `kill`, `torn`, `power`, `power-some`.
  std::uint64_t at = 0;
  std::uint32_t seed = 0;
  bool waits_for_arming = false;  ///< Calls are counted from `World::arm` on.

  bool is_power_cut() const { return how.starts_with("power"); }
};

/// A control plane without TLS and a gateway, both watched by a witness, and the real daemon between them, which is
/// ended without warning and started again.
class World {
 public:
  World();

  peers::ControlPlane& control_plane() { return *control_plane_; }
  peers::Gateway& gateway() { return *gateway_; }
  peers::DaemonProcess& daemon() { return *daemon_; }
  Witness& witness() { return witness_; }
  std::string file(const std::string& name) const { return folder_.file(name); }

  /// Changes the control plane's database; the witness learns of it before the daemon can.
  template <class Action>
  auto change(Action action) {
    return control_plane_->change([this, &action](peers::Desire& desire) {
      const Noted noted{witness_, desire};
      return action(desire);
    });
  }

  /// Some seconds, by the control plane's clock. What is changed in the first second of a link is in doubt until it is
  /// listed, which is right, and would be most of what a quick test does.
  void let_time_pass();

  /// A setting beside those of a quick test, for all daemons that are started from now on.
  void set(const std::string& name, const std::string& value) { settings_[name] = value; }
  void start_daemon(const std::optional<Cut>& cut = {});
  /// From now on the calls of the daemon that waits for it are counted.
  void arm();
  void kill_daemon();
  /// SIGTERM. Whether it ended with status 0.
  bool stop_daemon();
  /// After a power cut: what the disk has kept takes the place of the state folder.
  void take_what_is_left();
  /// The call at which it was cut, as "17 fdatasync tetherd.db-wal"; empty: it was not.
  std::string cut_at() const;

  /// Looks every few milliseconds until `holds`. False: the limit, or the daemon has ended.
  bool comes_to(const std::function<bool()>& holds, Duration limit = kPatience);
  bool is_acknowledged(const std::string& artifact_id);
  /// The gateway has what the control plane wants, and all of it is acknowledged.
  bool agrees();
  nlohmann::json status();
  bool is_ready();
  bool is_in_sync();
  bool is_connected();

  /// `tetherd NAME --yes`, until it ends.
  void run_command(const std::string& name);

  void restart_gateway(bool empty);
  /// Dials are refused, as by a control plane that starts up.
  void close_control_plane(bool closed);

  /// What the gateway lacks of `before` and must not.
  std::vector<std::string> missing_of(const std::map<peers::ResourceKey, std::string>& before);
  /// All that was seen and must not be, of the witness and of both stand-ins; and a database that was set aside,
  /// unless that was damaged on purpose.
  std::vector<std::string> violations();
  void forgive_what_is_set_aside() { may_set_aside_ = true; }
  /// In what the gateway differs from the control plane's desire, and what is not acknowledged.
  std::vector<std::string> differences();

  static constexpr Duration kPatience = 60s;

 private:
  struct Noted {
    Witness& witness;
    peers::Desire& desire;
    ~Noted() { witness.on_change(desire); }
  };

  peers::TempDir folder_;
  Witness witness_;
  std::string admin_;
  std::map<std::string, std::string> settings_;
  bool may_set_aside_ = false;
  std::unique_ptr<peers::ControlPlane> control_plane_;
  std::unique_ptr<peers::Gateway> gateway_;
  std::unique_ptr<peers::DaemonProcess> daemon_;
};

}  // namespace tether::test
