#pragma once

#include <cstddef>
#include <string>

#include "tether/base/result.h"

namespace tether::bench {

struct Burst {
  double events_per_s = 0;    ///< From the first event to the gateway's answer for the last.
  double cpu_s = 0;           ///< The processor's time that it took of the daemon.
  double commits = 0;         ///< Transactions that it took.
  double events_dropped = 0;  ///< For want of room; what they said was listed.
  double rows = 0;            ///< What is stored in the end.
  double upserts_s = 0;       ///< How long it takes to upsert just these rows, those of a hundred events at a time.
};

/// So many APIs undeployed at once, whose events carry all that is to be known, between the peers of this process and
/// `program` (tetherd), in sync.
Result<Burst> measure_burst(const std::string& program, std::size_t events);

}  // namespace tether::bench
