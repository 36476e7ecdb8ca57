#pragma once

#include <chrono>

#include "bench.h"

namespace tether::bench {

/// Sends the requests for lists and documents that the control plane has seen once more, by one process of `curl` with
/// as many under way as the daemon has, and throws the answers away.
Result<std::chrono::nanoseconds> download_with_curl(const Bench& bench);

}  // namespace tether::bench
