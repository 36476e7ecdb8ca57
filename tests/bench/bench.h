#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "tether/base/result.h"
#include "tether/peers/control_plane.h"
#include "tether/peers/daemon_process.h"
#include "tether/peers/gateway.h"
#include "tether/peers/temp_dir.h"
#include "tether/peers/test_ca.h"

namespace tether::bench {

inline constexpr Duration kLimit = std::chrono::minutes(15);

/// The folder, the peers (in this process) and the daemon's environment of one run.
struct Bench {
  peers::TempDir folder;
  peers::TestCaFiles ca;
  std::unique_ptr<peers::ControlPlane> control_plane;
  std::unique_ptr<peers::Gateway> gateway;
  std::string admin;
};

Result<Done> prepare(Bench& bench);
Result<std::unique_ptr<peers::DaemonProcess>> start_daemon(const Bench& bench, const std::string& program);
/// Whether the gateway has answered for `count` resources within the limit.
bool wait_for_resources(const peers::Gateway& gateway, std::size_t count);
/// Whether the daemon says within the limit that it is in sync.
bool wait_until_in_sync(const Bench& bench);
/// A series of the daemon's `/metrics`; -1: it has none such.
double metric(const Bench& bench, const std::string& series);

}  // namespace tether::bench
