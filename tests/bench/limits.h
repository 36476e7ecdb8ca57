#pragma once

#include <chrono>
#include <cstddef>
#include <string>

#include "latency.h"
#include "tether/base/result.h"

/// What this machine can do at best, measured in the same run as what is held against it.
namespace tether::bench {

/// From one end of a TCP connection over loopback to the other, the size of an event's frame: half of a round trip.
Result<Percentiles> measure_hop(std::size_t times);
/// Over a Unix socket and back, the size of a push of one line.
Result<Percentiles> measure_round_trip(std::size_t times);
/// One row, committed with `synchronous=FULL` in WAL mode, in a database of this folder.
Result<Percentiles> measure_transaction(const std::string& folder, std::size_t times);

/// Rows a second by upserts, of the size of an API key, with so many in each transaction.
Result<double> measure_upserts(const std::string& folder, std::size_t rows, std::size_t in_transaction);

/// So many bytes through a Unix socket.
Result<std::chrono::nanoseconds> measure_transfer(std::uint64_t bytes);

}  // namespace tether::bench
