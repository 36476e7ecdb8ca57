#pragma once

#include <string>

#include "tether/base/result.h"

namespace tether::bench {

struct Idle {
  double cpu_share = 0;      ///< Of one core.
  double wakeups_per_s = 0;  ///< Times that a thread went to sleep by itself.
  double rss_kb = 0, pss_kb = 0, private_dirty_kb = 0;
};

/// `program` (tetherd) in sync, with nothing to do: half a minute of it.
Result<Idle> measure_idle(const std::string& program);

}  // namespace tether::bench
