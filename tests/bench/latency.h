#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include "tether/base/result.h"

namespace tether::bench {

struct Percentiles {
  std::chrono::nanoseconds p50{};
  std::chrono::nanoseconds p99{};
  std::chrono::nanoseconds worst{};
};

Percentiles percentiles_of(std::vector<std::chrono::nanoseconds> times);

/// From the moment the control plane writes an event to the moment the gateway has applied what follows from it.
struct Latency {
  Percentiles with_fetch;    ///< Deployments: the document is fetched.
  Percentiles with_content;  ///< API keys: the event carries all.
};

/// One change at a time, `changes` of each sort, between the peers of this process and `program` (tetherd), in sync.
Result<Latency> measure_latency(const std::string& program, std::size_t changes);

}  // namespace tether::bench
