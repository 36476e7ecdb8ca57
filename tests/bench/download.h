#pragma once

#include <chrono>

#include "bench.h"

namespace tether::bench {

/// Sends the first `asked` requests that the control plane has seen, those for lists and documents, once more, by one
/// process of `curl` with as many under way as the daemon has, and throws the answers away.
Result<std::chrono::nanoseconds> download_with_curl(const Bench& bench, std::size_t asked);

}  // namespace tether::bench
