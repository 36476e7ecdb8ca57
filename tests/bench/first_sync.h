#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include "tether/base/result.h"

namespace tether::bench {

/// What one run with `resources` deployments took. Times are of real processes on this machine.
struct FirstSync {
  std::size_t resources = 0;
  std::chrono::nanoseconds sync{};      ///< From the daemon's start to the gateway's last answer, control plane there.
  double sync_cpu_s = 0;                ///< The processor's time that it took of the daemon.
  std::chrono::nanoseconds download{};  ///< What it asked for, by curl alone.
  std::chrono::nanoseconds from_store{};  ///< From its second start to the gateway's answer, control plane away.
  std::chrono::nanoseconds transfer{};    ///< As many bytes through a Unix socket.
  std::uint64_t peak_rss_kb = 0;          ///< While it synced.
  std::uint64_t rss_kb = 0;               ///< After it, idle and connected.
  std::uint64_t pss_kb = 0;
  std::uint64_t private_dirty_kb = 0;
};

/// Runs a control plane and a gateway in this process and `program` (tetherd) between them.
Result<FirstSync> measure_first_sync(const std::string& program, std::size_t resources);

}  // namespace tether::bench
